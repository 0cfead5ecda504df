import { words } from '../words/index.js';
import { pagesFor } from './pages.js';
import { addressOf, type Route } from './router.js';
import { useSession } from './session.js';

/** The pages, in the order of the journey. */
export function Menu({ route }: { route: Route }) {
  const session = useSession();
  return (
    <nav class="menu" aria-label={words.menu}>
      <ul>
        {pagesFor(session).map(({ name }) => (
          <li key={name}>
            <a href={addressOf(name)} aria-current={name === route.page ? 'page' : undefined}>
              {words.pages[name]}
            </a>
          </li>
        ))}
      </ul>
      <p class="operator">
        {words.signedInAs} <strong>{session.operator.name ?? session.operator.id}</strong>
      </p>
    </nav>
  );
}
