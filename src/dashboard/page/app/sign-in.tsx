import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Session } from '../../api/contract.js';
import { get, RequestError, messageOf } from '../api/client.js';
import { forgetToken, keepToken } from '../api/token.js';
import { SIGNED_OUT } from '../api/use-poll.js';
import { setServerTime } from '../time/server-time.js';
import { words } from '../words/index.js';

const text = words.signIn;

/** Set by the server for a host whose guards read `Authorization`. */
function signsInWithToken(): boolean {
  return document.documentElement.dataset.signIn === 'bearer';
}

interface Props {
  readonly children: (session: Session) => ComponentChildren;
}

/** Asks who is there before anything is shown. */
export function SignedIn({ children }: Props) {
  const [session, setSession] = useState<Session | null>(null);
  const [error, setError] = useState<RequestError | Error | null>(null);
  const read = useCallback(() => {
    const ask = async () => {
      try {
        const { body } = await get<Session>('session');
        if (body) setServerTime(body.now);
        setError(null);
        setSession(body);
      } catch (thrown) {
        setError(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
      }
    };
    void ask();
  }, []);
  useEffect(() => {
    const signOut = () => {
      if (signsInWithToken()) forgetToken();
      setSession(null);
      read();
    };
    read();
    addEventListener(SIGNED_OUT, signOut);
    return () => removeEventListener(SIGNED_OUT, signOut);
  }, [read]);
  if (session) return <>{children(session)}</>;
  if (!error) return <p class="alone muted">{words.loading}</p>;
  const isUnknown = error instanceof RequestError && error.status === 401;
  return (
    <main class="alone">
      <h1>{isUnknown ? text.title : text.failed}</h1>
      {isUnknown && signsInWithToken() ? (
        <TokenForm onToken={read} />
      ) : (
        <>
          <p>{isUnknown ? text.elsewhere : error.message}</p>
          <p class="buttons">
            <button type="button" class="primary" onClick={read}>
              {words.actions.tryAgain}
            </button>
          </p>
        </>
      )}
    </main>
  );
}

function TokenForm({ onToken }: { onToken: () => void }) {
  const [token, setToken] = useState('');
  const [isKept, keep] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    keepToken(token.trim().replace(/^Bearer\s+/i, ''), isKept);
    onToken();
  };
  return (
    <form onSubmit={submit}>
      <p>{text.token}</p>
      <label for="token">{text.tokenLabel}</label>
      <input
        id="token"
        type="password"
        autocomplete="off"
        required
        value={token}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <label class="check">
        <input type="checkbox" checked={isKept} onChange={(event) => keep(event.currentTarget.checked)} />
        {text.keep}
      </label>
      <p class="buttons">
        <button type="submit" class="primary">
          {text.button}
        </button>
      </p>
    </form>
  );
}
