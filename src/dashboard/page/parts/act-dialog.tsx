import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { words } from '../words/index.js';
import { Dialog } from './dialog.js';
import { FormFoot } from './form-foot.js';
import { useAct } from './use-act.js';

interface Props {
  readonly title: string;
  /** Text of the button that acts. */
  readonly button: string;
  readonly isDangerous?: boolean;
  /** Fewest characters of the reason; 0 if none has to be given. */
  readonly minReason?: number;
  readonly children?: ComponentChildren;
  readonly onClose: () => void;
  readonly act: (reason: string | undefined) => Promise<void>;
}

/** Asks before something is done. It stays open with the server's words if that fails. */
export function ActDialog({ title, button, isDangerous = false, minReason = 0, children, onClose, act }: Props) {
  const [reason, setReason] = useState('');
  const { isRunning, error, run } = useAct();
  const field = useId();
  const submit = (event: Event) => {
    event.preventDefault();
    run(() => act(reason.trim() || undefined));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        <label for={field}>{minReason > 0 ? words.actions.reason : words.actions.reasonOptional}</label>
        <textarea
          id={field}
          rows={2}
          maxLength={300}
          minLength={minReason || undefined}
          required={minReason > 0}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
        <FormFoot button={button} isDangerous={isDangerous} isRunning={isRunning} error={error} onClose={onClose} />
      </form>
    </Dialog>
  );
}
