/** Storing a picture that was dropped, when its owner asks for it. */

import { createBucket, listBuckets, putObject } from '../library/buckets.js';
import { chooser, element, labelled } from '../library/element.js';
import { objectSource } from '../library/current.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';
import { ask } from './dialog.js';
import { signIn } from './sign_in.js';

/**
 * Asks where to, and stores it there.
 * @param {import('../library/process.js').FileSource} source
 * @returns {Promise<import('../library/process.js').Source | null>} the same as an object; null where nobody wants it
 */
export async function store(source) {
  if (!session.keys && !(await signIn())) return null;
  const names = await listBuckets().then(
    (buckets) => buckets.map(({ name }) => name),
    () => [],
  );
  const bucket = names.length
    ? chooser(
        names.map((name) => [name, name]),
        names[0],
        () => {},
      )
    : element('input', { required: true });
  const key = element('input', { value: source.name, required: true, maxlength: 850 });
  const content = element(
    'div',
    { class: 'fields' },
    labelled(text('bucket'), bucket),
    labelled(text('object.key'), key, text('store.hint')),
  );
  const run = () => putObject(bucket.value, key.value, source.blob);
  const done = await ask(text('store.title'), content, { action: text('store'), run });
  return done ? objectSource(bucket.value, key.value, source.size) : null;
}

/** Asks for a new bucket. @returns {Promise<string>} its name, or empty */
export async function newBucket() {
  const name = element('input', {
    required: true,
    pattern: '[a-z0-9][a-z0-9\\-]*-[0-9]+',
    placeholder: 'pictures-1250000000',
  });
  const acl = chooser(
    [
      ['private', text('acl.private')],
      ['public-read', text('acl.public-read')],
    ],
    'private',
    () => {},
  );
  const content = element(
    'div',
    { class: 'fields' },
    labelled(text('bucket.name'), name, text('bucket.name.hint')),
    labelled(text('acl'), acl),
  );
  const run = () => createBucket(name.value, acl.value);
  return (await ask(text('bucket.new'), content, { action: text('bucket.create'), run })) ? name.value : '';
}
