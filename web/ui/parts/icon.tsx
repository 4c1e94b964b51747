// The icons, drawn as lines on a 16 by 16 ground. They never speak for themselves: what they mean is said beside them.

const PATHS = {
  inbox: 'M2 9.5 4 3h8l2 6.5V13H2zM2 9.5h3.5L6.5 11h3l1-1.5H14',
  tag: 'M2 2.5h5.5l6 6-5 5-6-6zM5 5.5h.01',
  box: 'M8 1.8 14 5v6l-6 3.2L2 11V5zM2 5l6 3.2L14 5M8 8.2v6',
  bolt: 'M9 1.5 3 9h4.2L7 14.5 13 7H8.8z',
  send: 'M14 2 2 6.8l4.6 2.1M14 2l-3.4 12-4-5.1M14 2 6.6 8.9V13',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14',
  trash: 'M2.5 4h11M6 4V2.5h4V4M4 4l.6 9.5h6.8L12 4M6.7 6.5v4.5M9.3 6.5v4.5',
  unread: 'M2 4h12v9H2zM2 4.5l6 4.5 6-4.5',
  read: 'M2 6.5 8 2l6 4.5V13H2zM2 7l6 4 6-4',
  clip: 'M12.5 7.5 7.6 12.4a3 3 0 0 1-4.2-4.2L8.6 3a2 2 0 0 1 2.8 2.8l-5 5a1 1 0 0 1-1.4-1.4l4.5-4.5',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  back: 'M9.5 3 4.5 8l5 5',
  up: 'M3 10.5 8 5.5l5 5',
  down: 'M3 5.5l5 5 5-5',
  check: 'M3 8.5 6.5 12 13 4.5',
  dots: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z',
  screen: 'M2 3h12v8H2zM5.5 13.5h5M8 11v2.5',
  phone: 'M5 1.5h6v13H5zM7.5 12.5h1',
  tablet: 'M3 2h10v12H3zM7.5 12h1',
  wide: 'M1.5 8h13M4 5 1.5 8 4 11M12 5l2.5 3-2.5 3',
  open: 'M6.5 3H3v10h10V9.5M9 2.5h4.5V7M13.5 2.5 7.5 8.5',
  download: 'M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  compare: 'M6.5 2.5h-4v11h4M9.5 2.5h4v11h-4M8 1v14',
  help: 'M6 6a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.6M8 12h.01',
  menu: 'M2 4h12M2 8h12M2 12h12',
  command:
    'M5.5 5.5h5v5h-5zM5.5 5.5H4A1.7 1.7 0 1 1 5.5 4zM10.5 5.5V4A1.7 1.7 0 1 1 12 5.5zM10.5 10.5H12a1.7 1.7 0 1 1-1.5 1.5zM5.5 10.5V12A1.7 1.7 0 1 1 4 10.5z',
  plus: 'M8 3v10M3 8h10',
  warning: 'M8 2 14.5 13.5h-13zM8 6.5v3.5M8 12h.01',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
