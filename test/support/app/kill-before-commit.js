/**
 * Loaded before an app on SQLite (`node --import`): ends it with SIGKILL when a transaction that has inserted into
 * `outbox` is about to commit.
 */
import Database from 'better-sqlite3';

const { exec, prepare } = Database.prototype;
let hasWritten = false;

Database.prototype.prepare = function (sql, ...more) {
  if (/INSERT INTO "outbox"/.test(sql)) hasWritten = true;
  return Reflect.apply(prepare, this, [sql, ...more]);
};

Database.prototype.exec = function (sql, ...more) {
  if (hasWritten && /^COMMIT/i.test(sql)) process.kill(process.pid, 'SIGKILL');
  return Reflect.apply(exec, this, [sql, ...more]);
};
