/** Choosing the picture to work on: dropped, pasted, picked from the disk, or an object of a bucket. */

import { button, element, fill, icon, labelled } from '../library/element.js';
import { currentSource, fileSource, objectSource, setSource } from '../library/current.js';
import { listObjects } from '../library/buckets.js';
import { bytes } from '../library/numbers.js';
import { limits, mayProcess } from '../library/process.js';
import { pathOf, send, session } from '../library/service.js';
import { text } from '../library/text.js';
import { alarm } from './notices.js';
import { signIn } from './sign_in.js';

const UPLOAD = 'M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3';
const PICTURES = /\.(jpe?g|png|apng|webp|gif|bmp|tiff?|avif|hei[fc]|tpg|jxl)$/i;

/** @param {any} trouble @param {() => Promise<void>} work */
async function attempt(trouble, work) {
  fill(trouble);
  try {
    await work();
  } catch (error) {
    fill(trouble, alarm(error));
  }
}

/**
 * The first picture of the bucket that the operator shows.
 * @returns {Promise<import('../library/process.js').Source>}
 */
async function sample() {
  const { objects } = await listObjects(session.server.bucket, '', '', true);
  const found = objects.find(({ key }) => PICTURES.test(key));
  if (!found) throw new Error(text('source.none'));
  return objectSource(session.server.bucket, found.key, found.size);
}

/** @param {string} place bucket and key @returns {Promise<import('../library/process.js').Source>} */
async function stored(place) {
  const [bucket, ...rest] = place.trim().replace(/^\/+/, '').split('/');
  const key = rest.join('/');
  if (!bucket || !key) throw new Error(text('source.place.wrong'));
  const response = await send('HEAD', pathOf(bucket, key));
  return objectSource(bucket, key, Number(response.headers.get('content-length')));
}

/** @param {File | null | undefined} file */
function checked(file) {
  if (!file) return null;
  if (file.size > limits().bytes) throw new Error(text('source.large', { most: bytes(limits().bytes) }));
  return fileSource(file);
}

/** What is said where files may not be processed yet. @param {() => void} changed */
function permission(changed) {
  if (mayProcess()) return null;
  if (session.server.process === 'off') return element('p', { class: 'hint' }, text('source.off'));
  return element(
    'p',
    { class: 'hint' },
    text('source.signed'),
    ' ',
    button(
      text('session.in'),
      async () => {
        if (await signIn()) changed();
      },
      { class: 'link' },
    ),
  );
}

/**
 * The panel in which a picture is chosen.
 * @param {() => void} changed called when there is another one
 */
export function sourcePanel(changed) {
  const trouble = element('div');
  const take = (/** @type {File | null | undefined} */ file) =>
    attempt(trouble, async () => {
      const source = checked(file);
      if (source) choose(source);
    });
  const choose = (/** @type {any} */ source) => {
    setSource(source);
    changed();
  };
  const input = element('input', {
    type: 'file',
    accept: 'image/*,.tpg,.heic,.heif,.jxl,.avif',
    class: 'hidden-input',
    id: 'picture',
    disabled: !mayProcess(),
    on: { change: () => take(input.files?.[0]) },
  });
  const over = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    zone.classList.toggle('over', event.type === 'dragover');
  };
  const drop = (/** @type {DragEvent} */ event) => {
    over(event);
    if (mayProcess()) take(event.dataTransfer?.files[0]);
  };
  const zone = element(
    'div',
    { class: 'drop', on: { dragover: over, dragleave: over, drop } },
    icon(UPLOAD),
    input,
    element('label', { for: 'picture' }, text('source.drop')),
    permission(changed),
  );
  const place = element('input', { placeholder: 'bucket-1250000000/photo.jpg', spellcheck: 'false' });
  const load = (/** @type {Event} */ event) => {
    event.preventDefault();
    attempt(trouble, async () => choose(await stored(place.value)));
  };
  const form = element(
    'form',
    { class: 'line', on: { submit: load } },
    labelled(text('source.place'), place),
    element('button', { type: 'submit' }, text('source.load')),
    session.server.bucket && button(text('source.sample'), () => attempt(trouble, async () => choose(await sample()))),
  );
  return element('section', { class: 'panel source', 'aria-label': text('source') }, zone, form, told(), trouble);
}

function told() {
  const source = currentSource();
  if (!source) return null;
  const place = source.kind === 'object' ? `${source.bucket}/${source.key}` : source.name;
  return element(
    'p',
    { class: 'chosen' },
    element('strong', {}, place),
    ` · ${bytes(source.size)} · `,
    text(source.kind === 'object' ? 'source.stored' : 'source.unstored'),
  );
}

/** Takes pictures that are pasted. @param {() => void} changed @returns {() => void} what ends it */
export function takePasted(changed) {
  const paste = (/** @type {ClipboardEvent} */ event) => {
    const file = Array.from(event.clipboardData?.files ?? []).find(({ type }) => type.startsWith('image/'));
    if (file && mayProcess() && file.size <= limits().bytes) {
      setSource(fileSource(file));
      changed();
    }
  };
  document.addEventListener('paste', paste);
  return () => document.removeEventListener('paste', paste);
}
