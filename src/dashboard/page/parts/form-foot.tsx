import { words } from '../words/index.js';

interface Props {
  /** Text of the button that acts. */
  readonly button: string;
  readonly isDangerous: boolean;
  readonly isDisabled?: boolean;
  readonly isRunning: boolean;
  /** What the server has said, if it refused; else null. */
  readonly error: string | null;
  readonly onClose: () => void;
}

/** The end of a form that does something: what went wrong, a way out, and the button that acts. */
export function FormFoot({ button, isDangerous, isDisabled = false, isRunning, error, onClose }: Props) {
  return (
    <>
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <p class="buttons">
        <button type="button" onClick={onClose}>
          {words.actions.cancel}
        </button>
        <button type="submit" class={isDangerous ? 'primary dangerous' : 'primary'} disabled={isDisabled || isRunning}>
          {isRunning ? words.actions.running : button}
        </button>
      </p>
    </>
  );
}
