import { useEffect, useRef } from 'preact/hooks';
import type { Overview, Problem } from '../../api/contract.js';
import { useSay } from '../app/announcer.js';
import { relative } from '../time/format.js';
import { useTicking } from '../time/server-time.js';
import { words } from '../words/index.js';

/** Tells screen readers about a problem that was not there before; the ones that stay are said once. */
function useNewProblems(problems: readonly Problem[]): void {
  const say = useSay();
  const known = useRef<ReadonlySet<string> | null>(null);
  useEffect(() => {
    const news = problems.filter(({ code }) => known.current !== null && !known.current.has(code));
    known.current = new Set(problems.map(({ code }) => code));
    if (news.length > 0) say(news.map(({ message }) => message).join(' '));
  }, [problems]);
}

function AllIsWell({ lastReceivedAt }: { lastReceivedAt: number | null }) {
  const now = useTicking();
  return (
    <p class="well">
      <span aria-hidden="true">✓</span> {words.overview.well}{' '}
      {lastReceivedAt === null ? words.overview.nothingYet : words.overview.last(relative(lastReceivedAt, now))}
    </p>
  );
}

/** What is wrong, first and in words. */
export function Problems({ overview: { problems, numbers } }: { overview: Overview }) {
  useNewProblems(problems);
  if (problems.length === 0) return <AllIsWell lastReceivedAt={numbers.lastReceivedAt} />;
  return (
    <ul class="problems" aria-label={words.overview.problems}>
      {problems.map(({ code, severity, message, remedy }) => (
        <li key={code} class={`problem is-${severity}`}>
          <strong>
            <span aria-hidden="true">{severity === 'failing' ? '✕' : '!'}</span> {words.overview.severity[severity]}
          </strong>
          <span>
            {message}
            {remedy !== null && <span class="remedy"> {remedy}</span>}
          </span>
          <code class="muted">{code}</code>
        </li>
      ))}
    </ul>
  );
}
