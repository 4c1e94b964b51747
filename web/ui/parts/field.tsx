// A field of a form, with its title, a hint, and the signal that holds what is written.
import type { Signal } from '@preact/signals';

interface FieldProps {
  readonly title: string;
  readonly hint?: string;
  readonly value: Signal<string>;
}

export function Field({ title, hint, value }: FieldProps) {
  return (
    <label class="field">
      <span>{title}</span>
      <input
        type="text"
        placeholder={hint}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
    </label>
  );
}

interface ChoiceProps<T extends string> {
  readonly title: string;
  readonly value: Signal<T>;
  readonly choices: readonly (readonly [value: T, title: string])[];
}

export function Choice<T extends string>({ title, value, choices }: ChoiceProps<T>) {
  return (
    <label class="field">
      <span>{title}</span>
      <select
        value={value.value}
        onChange={(event) => {
          value.value = event.currentTarget.value as T;
        }}
      >
        {choices.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
