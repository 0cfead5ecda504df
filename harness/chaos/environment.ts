/** Imported first: sets the addresses of the servers, as the tests have them. */
process.env.TEST_POSTGRES_URL ??= 'postgres://postgres@127.0.0.1:5432/test';
process.env.TEST_MARIADB_URL ??= 'mariadb://root@127.0.0.1:3306/test';
