/** Dialogs over the page; the browser keeps the keyboard inside and closes them by Escape. */

import { button, element, fill } from '../library/element.js';
import { text } from '../library/text.js';
import { alarm } from './notices.js';

let numbers = 0;

/**
 * Asks for something.
 * @param {string} title
 * @param {any} content
 * @param {{action: string, danger?: boolean, run: () => Promise<any>}} wanted what its button says and does; the dialog
 *   closes when that has ended well, and says what went wrong else
 * @returns {Promise<boolean>} whether it was done
 */
export function ask(title, content, { action, danger = false, run }) {
  return new Promise((resolve) => {
    const trouble = element('div');
    const heading = element('h2', { id: `dialog-${++numbers}` }, title);
    const go = element('button', { type: 'submit', class: danger ? 'danger' : 'main' }, action);
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      go.disabled = true;
      try {
        await run();
        dialog.close('done');
      } catch (error) {
        fill(trouble, alarm(error));
        go.disabled = false;
      }
    };
    const close = () => {
      dialog.remove();
      resolve(dialog.returnValue === 'done');
    };
    const buttons = element(
      'div',
      { class: 'buttons' },
      button(text('dialog.cancel'), () => dialog.close('')),
      go,
    );
    const dialog = element(
      'dialog',
      { 'aria-labelledby': heading.id, on: { close } },
      element('form', { method: 'dialog', on: { submit } }, heading, content, trouble, buttons),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
