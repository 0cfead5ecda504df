import { useEffect, useRef } from 'preact/hooks';
import type { Overview, Problem } from '../../api/contract.js';
import { useSay } from '../app/announcer.js';
import { addressOf } from '../app/router.js';
import { number } from '../parts/numbers.js';
import { duration, relative } from '../time/format.js';
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

/** Problems whose value is a length of time. */
const LENGTHS: ReadonlySet<string> = new Set(['backlog', 'nobody-processes', 'secret-expires', 'clock-apart']);

/** The page where one looks further. */
const PAGES: Readonly<Record<string, readonly [page: string, filters?: Record<string, string>]>> = {
  'dead-letters': ['dead'],
  rejections: ['rejections'],
  backlog: ['deliveries', { state: 'pending', sort: 'due' }],
  'nobody-processes': ['instances'],
  'instance-lost': ['instances'],
  'instances-differ': ['instances'],
  'clock-apart': ['instances'],
  'not-durable': ['instances'],
  'secret-expires': ['secrets'],
  'secrets-expired': ['secrets'],
  'expired-secret-used': ['secrets'],
  unauthorized: ['secrets'],
};

function WayOn({ code }: { code: string }) {
  const [page, filters] = PAGES[code] ?? [];
  if (page === undefined) return null;
  return <a href={addressOf(page, null, filters)}>{words.pages[page as keyof typeof words.pages]}</a>;
}

function valueOf({ code, value }: Problem): string {
  if (value === null) return '';
  return `(${LENGTHS.has(code) ? duration(value) : number(value)}) `;
}

/** What is wrong, first and in words. */
export function Problems({ overview: { problems, numbers } }: { overview: Overview }) {
  useNewProblems(problems);
  if (problems.length === 0) return <AllIsWell lastReceivedAt={numbers.lastReceivedAt} />;
  return (
    <ul class="problems" aria-label={words.overview.problems}>
      {problems.map((problem) => (
        <li key={problem.code} class={`problem is-${problem.severity}`}>
          <strong>
            <span aria-hidden="true">{problem.severity === 'failing' ? '✕' : '!'}</span>{' '}
            {words.overview.severity[problem.severity]}
          </strong>
          <span>
            {problem.message} {valueOf(problem)}
            {problem.remedy !== null && <span class="remedy">{problem.remedy} </span>}
            <WayOn code={problem.code} />
          </span>
          <code class="muted">{problem.code}</code>
        </li>
      ))}
    </ul>
  );
}
