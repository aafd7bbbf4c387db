/** Signing in: with a key pair that stays in the memory of this page. */

import { element, labelled } from '../library/element.js';
import { listBuckets } from '../library/buckets.js';
import { ServiceError, session } from '../library/service.js';
import { text } from '../library/text.js';
import { ask } from './dialog.js';

const field = (/** @type {Record<string, any>} */ properties) =>
  element('input', {
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    ...properties,
  });

/** @param {import('../library/signature.js').Keys} keys */
async function check(keys) {
  try {
    await listBuckets(keys);
  } catch (error) {
    // A key pair with limits need not be allowed to list all buckets.
    if (!(error instanceof ServiceError) || error.code !== 'AccessDenied') throw error;
  }
}

/** Asks for a key pair. @returns {Promise<boolean>} whether there is one now */
export function signIn() {
  const identifier = field({ type: 'text', required: true });
  const secret = field({ type: 'password', required: true });
  const token = field({ type: 'password' });
  const content = element(
    'div',
    { class: 'fields' },
    element('p', {}, text('session.about')),
    labelled('SecretId', identifier),
    labelled('SecretKey', secret),
    labelled(text('session.token'), token, text('session.token.hint')),
  );
  const run = async () => {
    const keys = { secretId: identifier.value.trim(), secretKey: secret.value.trim(), token: token.value.trim() };
    await check(keys);
    session.keys = keys;
  };
  return ask(text('session.in'), content, { action: text('session.in'), run });
}
