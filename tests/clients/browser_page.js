// What the page does; `COS` is cos-js-sdk-v5. Every call to the server crosses origins.
'use strict';
const Region = 'ap-shanghai';
const Bucket = 'browser-1250000000';
const RULES = JSON.stringify({ is_pic_info: 1, rules: [
  { fileid: 'small.webp', rule: 'imageMogr2/thumbnail/60x/format/webp' }] });

/** What the SDK makes of an error. */
async function failure(work) {
  try { await work; return null; } catch (error) {
    return { status: error.statusCode, code: error.code, message: error.message, id: Boolean(error.RequestId) };
  }
}

/** An `<img>` that may be drawn on a canvas, as its size; or what went wrong. */
function shown(source) {
  return new Promise((resolve) => {
    const image = new Image();
    image.crossOrigin = 'anonymous';
    image.onload = () => {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d').drawImage(image, 0, 0);
      resolve([image.naturalWidth, image.naturalHeight, canvas.toDataURL().startsWith('data:')]);
    };
    image.onerror = () => resolve('not shown');
    image.src = source;
  });
}

const text = (blob) => new Response(blob).text();

async function objects(call, photo, seen) {
  seen.buckets = (await call('getService')).Buckets.map((item) => item.Name);
  seen.keys = [];
  for (const Key of ['a//b', 'f+g h%41', "~'()*!", '图/片.png']) {
    await call('putObject', { Key, Body: Key });
    seen.keys.push((await call('getObject', { Key })).Body === Key);
  }
  const put = await call('putObject', { Key: 'photo.png', Body: photo, Headers: { 'x-cos-meta-note': 'seven' } });
  const head = await call('headObject', { Key: 'photo.png' });
  seen.put = [put.ETag, head.statusCode, head.headers['content-length'], head.headers['content-type']];
  seen.copy = (await call('putObjectCopy', { Key: 'copied.png',
    CopySource: `${Bucket}.cos.${Region}.myqcloud.com/photo.png` })).ETag;
  const page = await call('getBucket', { MaxKeys: 2, Prefix: '' });
  seen.listed = [page.IsTruncated, page.Contents.length];
  const large = new Blob(['0123456789abcdef'.repeat(1 << 17), 'z']);
  const slice = await call('sliceUploadFile', { Key: 'sliced', Body: large, SliceSize: 1, ChunkSize: 1 << 20 });
  const back = await call('getObject', { Key: 'sliced', DataType: 'blob' });
  seen.slice = [slice.ETag, back.Body.size === large.size && await text(back.Body) === await text(large)];
  seen.upload = (await call('uploadFile', { Key: 'uploaded', Body: large, SliceSize: 1 << 19 })).ETag;
  const gone = await call('deleteMultipleObject', { Objects: [{ Key: 'copied.png' }, { Key: 'never' }] });
  seen.deleted = gone.Deleted.length;
  seen.access = [];
  await call('putBucketAcl', { ACL: 'public-read' });
  seen.access.push((await call('getBucketAcl')).ACL);
  await call('putBucketAcl', { ACL: 'private' });
  await call('putObjectTagging', { Key: 'photo.png', Tags: [{ Key: 'project', Value: 'one two' }] });
  seen.access.push((await call('getObjectTagging', { Key: 'photo.png' })).Tags[0].Value);
}

async function images(call, photo, seen) {
  const put = await call('putObject', { Key: 'dir/photo.png', Body: photo, Headers: { 'Pic-Operations': RULES } });
  const post = await call('request', { Key: 'dir/photo.png', Method: 'POST', Action: 'image_process',
    Headers: { 'Pic-Operations': RULES } });
  seen.results = [put.UploadResult, post.UploadResult];
  seen.got = {};
  for (const format of ['tpg', 'heif', 'webp']) {
    const answer = await call('getObject', { Key: 'photo.png', DataType: 'blob',
      QueryString: `imageMogr2/thumbnail/120x/format/${format}` });
    const bytes = new Uint8Array(await answer.Body.arrayBuffer());
    seen.got[format] = [answer.headers['content-type'], String.fromCharCode(...bytes.slice(0, 12))];
  }
  const info = await call('request', { Key: 'photo.png', Method: 'GET', Action: 'imageInfo' });
  seen.info = info.width;
  seen.shown = {};
  for (const format of ['webp', 'avif', 'jpg']) {
    seen.shown[format] = await shown(await call('url', `imageMogr2/thumbnail/!90x60r/format/${format}`));
  }
}

/** A form upload as pages do it without the SDK. */
async function form(url, values) {
  const fields = new FormData();
  Object.entries(values).forEach(([name, value]) => fields.append(name, value));
  fields.append('file', new Blob(['by form']), 'x.txt');
  const answer = await fetch(url, { method: 'POST', body: fields });
  return [answer.status, answer.headers.get('etag')];
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

async function hmac(key, message) {
  const bytes = (value) => new TextEncoder().encode(value);
  const imported = await crypto.subtle.importKey('raw', bytes(key), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
  return hex(await crypto.subtle.sign('HMAC', imported, bytes(message)));
}

/** Forms signed in both ways: by a policy, and by an Authorization that the SDK makes. */
async function forms({ SecretId, SecretKey }, url, seen) {
  const now = Math.floor(Date.now() / 1000);
  const time = `${now};${now + 600}`;
  const policy = JSON.stringify({ expiration: new Date(Date.now() + 600000).toISOString(), conditions: [
    { 'q-sign-algorithm': 'sha1' }, { 'q-ak': SecretId }, { 'q-sign-time': time }, ['starts-with', '$key', 'by ']] });
  const digest = hex(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(policy)));
  const signed = { policy: btoa(policy), 'q-sign-algorithm': 'sha1', 'q-ak': SecretId, 'q-key-time': time,
    'q-signature': await hmac(await hmac(SecretKey, time), digest) };
  const Signature = COS.getAuthorization({ SecretId, SecretKey, Method: 'POST', Pathname: '/' });
  const common = { 'Content-Type': 'text/plain', success_action_status: '200' };
  seen.forms = [await form(url, { key: 'by policy', ...signed, ...common }),
    await form(url, { key: 'by signature', Signature, ...common }),
    await form(url, { key: 'against policy', ...signed, ...common }),
    await form(url, { key: 'by nobody', ...common })];
}

/** CORS rules of a bucket: one that lets this page in, then one that does not. */
async function origins(call, urls, seen) {
  const [url, other] = urls;
  const rule = { AllowedMethods: ['GET', 'PUT', 'HEAD'], AllowedHeaders: ['*'], MaxAgeSeconds: 5 };
  const put = (origin, exposed) => call('putBucketCors', { CORSRules: [
    { ...rule, AllowedOrigins: [origin], ExposeHeaders: exposed }] });
  await put(window.location.origin, ['ETag', 'x-cos-meta-note', 'x-cos-request-id']);
  const answer = await call('headObject', { Key: 'photo.png' });
  const direct = await fetch(url);
  seen.exposed = [answer.headers['x-cos-meta-note'], Boolean(direct.headers.get('etag')), direct.headers.get('server')];
  seen.method = await failure(call('deleteObject', { Key: 'uploaded' }));
  seen.unsigned = (await fetch(url, { method: 'PUT', body: '1' })).status;
  await put('https://elsewhere.example.com', ['ETag']).catch(() => {}); // whose answer this page may not read any more
  seen.shut = [await fetch(url, { cache: 'no-store' }).then(() => 'read', () => 'not read'), await shown(other)];
}

async function drive({ port, SecretId, SecretKey }) { // eslint-disable-line no-unused-vars
  const cos = new COS({ SecretId, SecretKey, Protocol: 'http:', Domain: `{Bucket}.localhost:${port}`,
    ServiceDomain: `127.0.0.1:${port}`, AutoSwitchHost: false });
  const url = (Key, rule) => new Promise((resolve, reject) => {
    const query = rule ? { [rule]: '' } : {};
    cos.getObjectUrl({ Bucket, Region, Key, Sign: true, Protocol: 'http:', Query: query },
      (error, data) => (error ? reject(error) : resolve(data.Url)));
  });
  const call = (name, parameters) => (name === 'url' ? url('photo.png', parameters)
    : cos[name]({ Bucket, Region, ...parameters }));
  const photo = await (await fetch('photo.png')).blob();
  const seen = { origin: window.location.origin };
  await call('putBucket');
  await objects(call, photo, seen);
  await images(call, photo, seen);
  await forms({ SecretId, SecretKey }, `http://${Bucket}.localhost:${port}/`, seen);
  seen.missing = await failure(call('getObject', { Key: 'missing' }));
  seen.rotated = await failure(call('getObject', { Key: 'photo.png', QueryString: 'imageMogr2/rotate/abc' }));
  await origins(call, [await url('photo.png'), await url('dir/photo.png')], seen);
  return seen;
}
