import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Session } from '../../api/contract.js';
import { refreshNow } from '../api/use-poll.js';
import { words } from '../words/index.js';
import { Announcer } from './announcer.js';
import { Find } from './find.js';
import { Help } from './help.js';
import { useKeyboard, useKeys, type KeyBindings } from './keys.js';
import { Menu } from './menu.js';
import { pagesFor } from './pages.js';
import { PreferencesProvider, usePreferences } from './preferences.js';
import { addressOf, go, useRoute, type Route } from './router.js';
import { SessionProvider } from './session.js';
import { SignedIn } from './sign-in.js';
import { Viewing } from './viewing.js';

export function App() {
  return (
    <PreferencesProvider>
      <Announcer>
        <SignedIn>
          {(session) => (
            <SessionProvider value={session}>
              <Inbox session={session} />
            </SessionProvider>
          )}
        </SignedIn>
      </Announcer>
    </PreferencesProvider>
  );
}

const THEMES = ['system', 'light', 'dark'] as const;

/** Keys that hold on every page. */
function useGlobalKeys(session: Session, showHelp: () => void): void {
  const { preferences, choose } = usePreferences();
  useKeyboard(preferences.isKeyboardOn);
  const bindings: KeyBindings = {
    ...Object.fromEntries(pagesFor(session).map(({ key, name }) => [`g ${key}`, () => go(addressOf(name))])),
    '?': showHelp,
    '/': () => document.getElementById('find')?.focus(),
    '.': refreshNow,
    t: () => choose({ theme: THEMES[(THEMES.indexOf(preferences.theme) + 1) % THEMES.length] ?? 'system' }),
  };
  useKeys(bindings);
}

/** Names the document, and takes the focus to the heading of a page that was gone to. */
function usePageTitle(route: Route, title: string, pageTitle: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    document.title = `${pageTitle} · ${title}`;
  }, [title, pageTitle]);
  useLayoutEffect(() => {
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [route.page, route.id]);
  return heading;
}

function titleOf({ page, id }: Route): string {
  if (id !== null && page in words.titlesOfOne) return words.titlesOfOne[page as keyof typeof words.titlesOfOne];
  return page in words.pages ? words.pages[page as keyof typeof words.pages] : words.noPage.title;
}

function Inbox({ session }: { session: Session }) {
  const [isHelpShown, showHelp] = useState(false);
  useGlobalKeys(session, () => showHelp(true));
  const pages = pagesFor(session);
  const [first] = pages;
  const place = useRoute();
  const route = place.page === '' && first ? { ...place, page: first.name } : place;
  const title = titleOf(route);
  const heading = usePageTitle(route, session.title, title);
  const page = pages.find(({ name }) => name === route.page);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          heading.current?.focus();
        }}
      >
        {words.skip}
      </a>
      <header class="top">
        <a class="name" href="#/">
          {session.title}
        </a>
        {session.environment !== null && <span class="environment">{session.environment}</span>}
        <Find />
        <Viewing onHelp={() => showHelp(true)} />
      </header>
      <div class="body">
        <Menu route={route} />
        <main id="main">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {page ? <page.component key={page.name} route={route} /> : <p class="empty">{words.noPage.text}</p>}
        </main>
      </div>
      {isHelpShown && <Help onClose={() => showHelp(false)} />}
    </>
  );
}
