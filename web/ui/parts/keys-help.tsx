// Help on the keys, made of the table of commands.
import { COMMANDS, type Command } from '../commands.ts';
import { keyTitle } from '../keys.ts';
import { Dialog } from './dialog.tsx';

export function KeysHelp() {
  const commands = (Object.values(COMMANDS) as Command[]).filter(({ keys }) => keys !== undefined);
  const groups = [...new Set(commands.map(({ group }) => group))];
  return (
    <Dialog title="Keys" kind="wide">
      <div class="keys-help">
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {commands
                .filter((command) => command.group === group)
                .map(({ title, keys = [] }) => (
                  <div key={title}>
                    <dt>
                      {keys.map((one) => (
                        <Keys key={one} of={one} />
                      ))}
                    </dt>
                    <dd>{title}</dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Open mail</h3>
          <dl>
            <div>
              <dt>
                <kbd>1</kbd> … <kbd>7</kbd>
              </dt>
              <dd>Its views</dd>
            </div>
          </dl>
        </section>
      </div>
    </Dialog>
  );
}

function Keys({ of }: { of: string }) {
  return (
    <span class="keys">
      {of.split(' ').map((key, index) => (
        <kbd key={index}>{keyTitle(key)}</kbd>
      ))}
    </span>
  );
}
