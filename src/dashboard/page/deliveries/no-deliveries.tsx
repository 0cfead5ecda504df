import { useSession } from '../app/session.js';
import { CopyButton } from '../parts/copy.js';
import { words } from '../words/index.js';

interface Props {
  readonly isFiltered: boolean;
  readonly isEnd: boolean;
  readonly query: URLSearchParams;
}

/** An empty list says what to do next. */
export function NoDeliveries({ isFiltered, isEnd, query }: Props) {
  const text = words.deliveries.empty;
  if (!isEnd) return <p class="empty">{words.list.notYet}</p>;
  if (isFiltered) {
    const isOfHandler = query.has('handler');
    return <p class="empty">{isOfHandler ? text.handler : text.filtered}</p>;
  }
  return <NothingReceived />;
}

/** A newcomer is told what the provider has to know. */
function NothingReceived() {
  const text = words.deliveries.empty;
  const { paths, header } = useSession().webhook;
  const urls = paths.map((path) => location.origin + path);
  const command = text.command(urls[0] ?? location.origin);
  return (
    <div class="empty">
      <h2>{text.title}</h2>
      {urls.length === 0 && <p>{text.noRoute}</p>}
      {urls.length > 0 && <p>{text.portal}</p>}
      {urls.map((url) => (
        <p key={url} class="command">
          <code>{url}</code> <CopyButton text={url} label={words.copy.url} />
        </p>
      ))}
      {urls.length > 0 && <p>{text.header(header)}</p>}
      <p>{text.simulate}</p>
      <p class="command">
        <code>{command}</code> <CopyButton text={command} label={words.copy.command} />
      </p>
    </div>
  );
}
