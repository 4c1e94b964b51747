// The HTML of a mail, in a frame without scripts, forms or an origin; the server sends it under a policy that lets
// nothing load from elsewhere unless the reader asks. The frame is as wide as the device it stands for, and made smaller
// where the pane has less room.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import * as api from '../api.ts';
import type { Message } from '../api-types.ts';
import { Button } from '../parts/button.tsx';
import type { IconName } from '../parts/icon.tsx';

type Width = 'pane' | 'phone' | 'tablet' | 'desktop';

const WIDTHS: readonly {
  readonly id: Width;
  readonly title: string;
  readonly px: number | null;
  readonly icon: IconName;
}[] = [
  { id: 'pane', title: 'As wide as the pane', px: null, icon: 'wide' },
  { id: 'phone', title: 'Phone, 390 pixels', px: 390, icon: 'phone' },
  { id: 'tablet', title: 'Tablet, 768 pixels', px: 768, icon: 'tablet' },
  { id: 'desktop', title: 'Desktop, 1200 pixels', px: 1200, icon: 'screen' },
];

/** Something in it would be loaded from elsewhere. A guess: the policy decides, this only offers to lift it. */
const REMOTE =
  /(?:\b(?:src|srcset|background|poster|data)\s*=\s*["']?[^"'>]*?|url\(\s*["']?|@import\s+["']?)(?:https?:)?\/\//i;

/** Links open in a page of their own, which is no part of the sandbox. Scripts and forms are not allowed. */
const SANDBOX = 'allow-popups allow-popups-to-escape-sandbox';

export function HtmlTab({ mail }: { mail: Message }) {
  const width = useSignal<Width>('pane');
  const remote = useSignal(false);
  const room = useRef<HTMLDivElement>(null);
  const space = useSignal({ width: 0, height: 0 });
  const hasRemote = REMOTE.test(mail.HTML);

  useLayoutEffect(() => {
    const { current } = room;
    if (current === null) return;
    const measure = (): void => {
      space.value = { width: current.clientWidth, height: current.clientHeight };
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [space]);

  const px = WIDTHS.find(({ id }) => id === width.value)?.px ?? null;
  const scale = px === null || space.value.width === 0 ? 1 : Math.min(1, space.value.width / px);
  const style =
    px === null
      ? {}
      : {
          width: `${px}px`,
          height: `${space.value.height / scale}px`,
          transform: `scale(${scale})`,
          marginLeft: `${Math.max(0, (space.value.width - px * scale) / 2)}px`,
        };
  return (
    <div class="pane html-pane">
      <div class="pane-bar">
        <div class="group" role="group" aria-label="Width">
          {WIDTHS.map(({ id, title, icon }) => (
            <Button
              key={id}
              icon={icon}
              label={title}
              kind="quiet"
              pressed={width.value === id}
              onClick={() => {
                width.value = id;
              }}
            />
          ))}
        </div>
        {scale < 1 && <span class="dim">{Math.round(scale * 100)} %</span>}
        <span class="space" />
        {hasRemote && (
          <>
            <span class="dim remote-state">
              {remote.value ? 'Remote content is loaded' : 'Remote content is blocked'}
            </span>
            <Button
              onClick={() => {
                remote.value = !remote.value;
              }}
            >
              {remote.value ? 'Block' : 'Load'}
            </Button>
          </>
        )}
        <a
          class="button quiet bare"
          href={api.htmlAddress(mail.ID, remote.value)}
          target="_blank"
          rel="noopener noreferrer"
          title="Open alone"
        >
          <span>Open alone</span>
        </a>
      </div>
      <div class={`frame-room${px === null ? '' : ' device'}`} ref={room}>
        <iframe
          key={String(remote.value)}
          title="The mail as HTML"
          sandbox={SANDBOX}
          referrerpolicy="no-referrer"
          src={api.htmlAddress(mail.ID, remote.value)}
          style={style}
        />
      </div>
    </div>
  );
}
