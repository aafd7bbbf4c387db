// Shows TPG in pages as they are: one script tag, and `<img src="x.tpg">` and `background: url(x.tpg)` work.
//
// Files are fetched and decoded in a worker; elements and rules get an address of the same picture as PNG, animated if
// it is. Where that cannot be done everything stays as it was, and the element tells so with an event `tpgerror`.
(() => {
  'use strict';
  if (window.OpenMogrTpg) return;

  const BASE = new URL('./', document.currentScript?.src ?? document.baseURI);
  /** A TPG file of one pixel: a browser that shows it needs no help. */
  const SAMPLE = 'VFBHIEFWUzJCAAABuQAKFAAAAAEAAAEAAAG7AAAANQAAAbAgQoAQAEEiAAAEADAAAZ7+CA0AAAGzAAD//wBBl+BYsQAAAQAAHypTAQAAAbE=';
  /** A PNG of one pixel. */
  const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==';
  /** Addresses that promise a TPG file: by name, or as an operation of COS and CI asks for one. */
  const NAME = /\.tpg($|[?#])|[/&?=]format\/tpg\b/i;
  const IN_CSS = /url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)/g;
  /** Attributes that hold an address, and elements that have them. */
  const PLACES = [
    ['src', 'img, input[type=image]'],
    ['srcset', 'img, source'],
    ['poster', 'video'],
    ['href', 'image'],
  ];
  const ATTRIBUTES = [...PLACES.map(([attribute]) => attribute), 'style'];
  /** Pictures that are remembered beside those that style sheets use. */
  const REMEMBERED = 200;

  const absolute = (url, base) => {
    try {
      return new URL(url, base).href;
    } catch {
      return '';
    }
  };
  const isTpg = (url) => NAME.test(decodable(url)) && !/^(blob|data):/i.test(url);

  const MAGIC = 'TPG AVS2B';
  const hasMagic = (bytes) => String.fromCharCode(...(bytes ?? []).slice(0, MAGIC.length)) === MAGIC;

  function decodable(url) {
    try {
      return decodeURIComponent(url);
    } catch {
      return url;
    }
  }

  // --- pictures -------------------------------------------------------------------------------------------------

  let worker = null;
  /** Address of a file: promise of an address of its picture. */
  const pictures = new Map();
  const keptForCss = new Set();

  async function startWorker() {
    const { TpgWorker } = await import(new URL('client.js', BASE).href);
    return new TpgWorker(new URL('worker.js', BASE));
  }

  /** The worker; another one if the last could not be loaded, as what is missing may come. */
  async function theWorker() {
    const current = worker;
    const found = await current?.catch(() => null);
    if (found?.isAlive) return found;
    if (worker === current) worker = startWorker();
    return worker;
  }

  async function convert(url) {
    const response = await fetch(url, { credentials: 'same-origin' });
    if (!response.ok) throw new Error(`${url} was answered with ${response.status}`);
    const data = await response.arrayBuffer();
    // A server may have answered in another format after all.
    if (!hasMagic(new Uint8Array(data))) {
      return URL.createObjectURL(new Blob([data], { type: response.headers.get('Content-Type') ?? '' }));
    }
    return URL.createObjectURL(await (await theWorker()).png(data));
  }

  /** The address under which the picture of a file can be shown. */
  function load(url, forCss = false) {
    const from = absolute(url, document.baseURI);
    let picture = pictures.get(from);
    pictures.delete(from);
    picture ??= convert(from).catch((error) => {
      pictures.delete(from);
      throw error;
    });
    pictures.set(from, picture);
    if (forCss) keptForCss.add(from);
    forget();
    return picture;
  }

  /** An element keeps what it shows when its address is revoked; style sheets may ask again. */
  function forget() {
    for (const [url, picture] of pictures) {
      if (pictures.size - keptForCss.size <= REMEMBERED) return;
      if (keptForCss.has(url)) continue;
      pictures.delete(url);
      picture.then((address) => setTimeout(() => URL.revokeObjectURL(address), 60_000), () => {});
    }
  }

  // --- elements -------------------------------------------------------------------------------------------------

  function failed(element, url, error) {
    element.dispatchEvent(new CustomEvent('tpgerror', { bubbles: true, detail: { url, error } }));
  }

  /** Attributes that are being replaced, by element: what comes late for an older address is dropped. */
  const replacing = new WeakMap();

  async function replace(element, attribute, make) {
    const before = element.getAttribute(attribute);
    const pending = replacing.get(element) ?? replacing.set(element, {}).get(element);
    if (pending[attribute] === before) return;
    pending[attribute] = before;
    try {
      const after = await make(before);
      if (element.getAttribute(attribute) !== before) return;
      element.setAttribute(`data-tpg-${attribute}`, before);
      element.setAttribute(attribute, after);
      if (element.localName === 'source' && /tpg/i.test(element.type)) element.type = 'image/png';
    } catch (error) {
      failed(element, before, error);
    } finally {
      if (pending[attribute] === before) delete pending[attribute];
    }
  }

  /** Lazy images wait until they are near. */
  const near = typeof IntersectionObserver === 'function' && new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      replace(target, 'src', load);
    }
  }, { rootMargin: '1250px' });

  /** Candidates of a set: an address and what is behind it. Addresses may hold commas, but do not end with one. */
  function* candidates(set) {
    const form = /[\s,]*(\S*[^\s,])(?:,|\s+((?:[^,(]|\([^)]*\)?)*))?/gy;
    for (let found = form.exec(set); found; found = form.exec(set)) yield [found[1], (found[2] ?? '').trim()];
  }

  async function replaceSet(set, wanted = isTpg) {
    const shown = [...candidates(set)].map(async ([url, rest]) => `${wanted(url) ? await load(url) : url} ${rest}`.trim());
    return (await Promise.all(shown)).join(', ');
  }

  function visitAttribute(element, attribute) {
    const value = element.getAttribute(attribute);
    if (!value) return;
    if (attribute === 'srcset') {
      if ([...candidates(value)].some(([url]) => isTpg(url))) replace(element, attribute, (set) => replaceSet(set));
    } else if (isTpg(value)) {
      if (near && element.loading === 'lazy') near.observe(element);
      else replace(element, attribute, load);
    }
  }

  // --- style sheets ---------------------------------------------------------------------------------------------

  async function replaceInStyle(style, base, owner) {
    for (const property of Array.from(style)) {
      const value = style.getPropertyValue(property);
      const urls = [...value.matchAll(IN_CSS)].map(([whole, a, b, c]) => [whole, absolute(a ?? b ?? c, base)]);
      const wanted = urls.filter(([, url]) => isTpg(url));
      if (wanted.length === 0) continue;
      try {
        const shown = await Promise.all(wanted.map(([, url]) => load(url, true)));
        if (style.getPropertyValue(property) !== value) continue;
        const after = wanted.reduce((text, [whole], i) => text.replace(whole, `url("${shown[i]}")`), value);
        style.setProperty(property, after, style.getPropertyPriority(property));
      } catch (error) {
        failed(owner, wanted[0][1], error);
      }
    }
  }

  function visitRules(rules, base, owner) {
    for (const rule of rules) {
      if (rule.style) replaceInStyle(rule.style, base, owner);
      // Rules of `@media` and the like, those that are nested in a rule, and imported sheets.
      if (rule.cssRules) visitRules(rule.cssRules, base, owner);
      if (rule.styleSheet) visitSheet(rule.styleSheet, owner);
    }
  }

  function visitSheet(sheet, owner) {
    try {
      visitRules(sheet.cssRules, sheet.href ?? document.baseURI, owner);
    } catch {
      // A sheet of another origin that may not be read.
    }
  }

  function visitSheets(root) {
    for (const sheet of [...root.styleSheets, ...(root.adoptedStyleSheets ?? [])]) {
      visitSheet(sheet, sheet.ownerNode ?? document.documentElement);
    }
  }

  // --- the page -------------------------------------------------------------------------------------------------

  function visitElement(element) {
    for (const [attribute, selector] of PLACES) {
      if (element.matches(selector)) visitAttribute(element, attribute);
    }
    if (element.style?.length) replaceInStyle(element.style, document.baseURI, element);
  }

  function visitTree(node) {
    if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return;
    if (node.nodeType === Node.ELEMENT_NODE) visitElement(node);
    const selector = PLACES.map(([attribute, elements]) => elements.split(', ').map((e) => `${e}[${attribute}]`).join());
    for (const element of node.querySelectorAll(`${selector.join()}, [style]`)) visitElement(element);
  }

  const hasSheet = (node) => node.localName === 'style' || node.localName === 'link'
    || (node.nodeType === Node.ELEMENT_NODE && node.querySelector('style, link'))
    || node.parentNode?.localName === 'style';

  /** Watches a document or a shadow root from now on. */
  function observe(root) {
    const whole = root === document ? document.documentElement : root;
    new MutationObserver((changes) => {
      for (const { type, target, attributeName, addedNodes } of changes) {
        if (type === 'attributes') {
          if (attributeName === 'style') replaceInStyle(target.style, document.baseURI, target);
          else visitElement(target);
        }
        addedNodes.forEach(visitTree);
        if ([...addedNodes].some(hasSheet)) visitSheets(root);
      }
    }).observe(whole, { subtree: true, childList: true, attributes: true, attributeFilter: ATTRIBUTES });
    root.addEventListener('load', ({ target }) => target.localName === 'link' && visitSheets(root), true);
    // Files whose address does not tell what they are: asked for once more when the browser could not show them.
    root.addEventListener('error', ({ target }) => target.localName === 'img' && retry(target), true);
    visitTree(whole);
    visitSheets(root);
    // Of those that failed before this was there nothing is told any more.
    for (const image of root.querySelectorAll('img')) {
      if (image.complete && image.naturalWidth === 0) retry(image);
    }
  }

  async function retry(image) {
    const url = image.currentSrc;
    if (!/^https?:/.test(url) || isTpg(url)) return;
    if (!(await beginsAsTpg(url).catch(() => false))) return;
    const isIt = (other) => absolute(other, document.baseURI) === url;
    const sets = [...(image.closest('picture')?.querySelectorAll('source[srcset]') ?? []), image];
    const inSet = sets.find((element) => [...candidates(element.srcset)].some(([other]) => isIt(other)));
    if (inSet) replace(inSet, 'srcset', (set) => replaceSet(set, isIt));
    else replace(image, 'src', () => load(url));
  }

  /** Whether a file is TPG, whatever it is called; the browser has just fetched it. */
  async function beginsAsTpg(url) {
    const response = await fetch(url, { credentials: 'same-origin', cache: 'force-cache' });
    const reader = response.body.getReader();
    const first = [];
    // It may come byte by byte.
    while (first.length < MAGIC.length) {
      const { value, done } = await reader.read();
      if (done) break;
      first.push(...value.subarray(0, MAGIC.length));
    }
    reader.cancel().catch(() => {});
    return response.ok && hasMagic(first);
  }

  /** Whether the browser, and the page's policy, shows some bytes under an address of the kind that elements get. */
  async function isShown(base64, type) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([bytes], { type }));
    const shown = await image.decode().then(() => true, () => false);
    URL.revokeObjectURL(image.src);
    return shown;
  }

  async function isNeeded() {
    if (typeof WebAssembly !== 'object' || typeof Worker !== 'function') return false;
    if (await isShown(SAMPLE, 'image/tpg')) return false;
    // Where no PNG could be shown either, a picture that a page has beside TPG stays the better one.
    const canHelp = await isShown(PNG, 'image/png');
    if (!canHelp) console.warn('TPG is not shown: the policy of the page does not allow img-src blob:');
    return canHelp;
  }

  const ready = isNeeded().then((needed) => {
    if (needed) observe(document);
    return needed;
  });

  window.OpenMogrTpg = {
    /** Whether the browser needs the help of this script. */
    ready,
    /** The address of a file's picture as PNG, for images that are not part of the page. */
    load: (url) => load(url),
    /** Watches a shadow root as well. */
    observe: (root) => ready.then((needed) => needed && observe(root)),
  };
})();
