// Buttons: with an icon, a title, or both; and the one that copies.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { tellFailure } from '../notices.ts';
import { Icon, type IconName } from './icon.tsx';

interface ButtonProps {
  readonly icon?: IconName;
  /** Read out, and shown as a hint, when there is nothing else to read. */
  readonly label?: string;
  /** The key that does the same. */
  readonly hint?: string;
  readonly kind?: 'plain' | 'main' | 'danger' | 'quiet';
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly submit?: boolean;
  readonly onClick?: (event: MouseEvent) => void;
  readonly children?: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { icon, label, hint, kind = 'plain', pressed, disabled = false, submit = false, onClick, children } = props;
  const title = label === undefined ? hint : hint === undefined ? label : `${label} (${hint})`;
  return (
    <button
      type={submit ? 'submit' : 'button'}
      class={`button ${kind}${children === undefined ? ' bare' : ''}`}
      aria-label={label}
      aria-pressed={pressed}
      title={title}
      disabled={disabled}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children !== undefined && <span>{children}</span>}
    </button>
  );
}

const COPIED_MS = 1500;

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await copyText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), COPIED_MS);
    } catch (error) {
      tellFailure('Not copied', error);
    }
  };
  return (
    <Button
      icon={isCopied ? 'check' : 'copy'}
      label={isCopied ? 'Copied' : label}
      kind="quiet"
      onClick={() => void copy()}
    />
  );
}

/** The clipboard API is there on safe origins only; a sink is often called by a bare address. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'off-screen';
  document.body.append(area);
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  if (!isDone) throw new Error('the browser refused');
}
