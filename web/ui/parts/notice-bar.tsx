// The notice at the foot of the page.
import { dismiss, notice } from '../notices.ts';
import { Button } from './button.tsx';

export function NoticeBar() {
  const shown = notice.value;
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown && (
        <div class={`notice ${shown.kind}`}>
          <span>{shown.text}</span>
          {shown.action && (
            <Button kind="quiet" hint="z" onClick={shown.action.run}>
              {shown.action.title}
            </Button>
          )}
          <Button icon="close" label="Dismiss" kind="quiet" onClick={dismiss} />
        </div>
      )}
    </div>
  );
}
