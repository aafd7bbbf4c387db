/** Asking for a job: a stored picture processed later, into another object. */

import { listBuckets, submitJob } from '../library/buckets.js';
import { element, labelled } from '../library/element.js';
import { text } from '../library/text.js';
import { ask } from './dialog.js';
import { notify } from './notices.js';

/** @param {string} bucket @param {string} key */
export async function jobDialog(bucket, key) {
  const rule = element('input', {
    value: 'imageMogr2/thumbnail/800x/format/webp',
    required: true,
    spellcheck: 'false',
  });
  const output = element('input', { value: `${key.replace(/\.[^./]*$/, '')}-800.webp`, required: true });
  const content = element(
    'div',
    { class: 'fields' },
    element('p', {}, text('job.about', { key })),
    labelled(text('operations.text'), rule),
    labelled(text('job.output'), output),
  );
  const run = async () => {
    const region = (await listBuckets()).find(({ name }) => name === bucket)?.region ?? '';
    await submitJob(bucket, region, { object: key, output: output.value, rule: rule.value });
  };
  if (await ask(text('job.new'), content, { action: text('job.submit'), run })) notify(text('job.done'));
}
