package main

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"
)

func (r *run) objects() {
	keys := map[string]bool{}
	for _, key := range []string{"a//b", "c/d/../e", "f+g h%41", "~'()*!", "图/片 a.png", "?x=1&y"} {
		must(r.Object.Put(r.ctx, key, strings.NewReader(key), nil))
		keys[key] = string(body(r.Object.Get(r.ctx, key, nil))) == key
	}
	r.seen["keys"] = keys
	must(r.Object.PutFromFile(r.ctx, "photo.png", r.photo, &cos.ObjectPutOptions{
		ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{ContentType: "image/png", CacheControl: "no-cache",
			XCosMetaXXX: &http.Header{"X-Cos-Meta-Note": []string{"seven"}}}}))
	head := must(r.Object.Head(r.ctx, "photo.png", nil)).Header
	r.seen["head"] = []string{head.Get("Content-Length"), head.Get("Content-Type"), head.Get("Cache-Control"),
		head.Get("X-Cos-Meta-Note"), head.Get("ETag")}
	r.seen["range"] = string(body(r.Object.Get(r.ctx, "a//b", &cos.ObjectGetOptions{Range: "bytes=1-2"})))
	typed := must(r.Object.Get(r.ctx, "a//b", &cos.ObjectGetOptions{ResponseContentType: "text/x-other"}))
	r.seen["response"] = typed.Header.Get("Content-Type")
	r.seen["unchanged"] = failure(r.Object.Get(r.ctx, "a//b", &cos.ObjectGetOptions{
		IfModifiedSince: typed.Header.Get("Last-Modified")}))["status"]
	r.seen["copy"] = answered(r.Object.Copy(r.ctx, "copied 图.png", r.source("photo.png"), nil)).ETag
	r.seen["presence"] = []bool{must(r.Object.IsExist(r.ctx, "photo.png")), must(r.Object.IsExist(r.ctx, "never"))}
	deleted := answered(r.Object.DeleteMulti(r.ctx, &cos.ObjectDeleteMultiOptions{
		Objects: []cos.Object{{Key: "copied 图.png"}, {Key: "never"}}}))
	r.seen["deleted"] = len(deleted.DeletedObjects)
	must(r.Object.Delete(r.ctx, "a//b"))
	r.seen["gone"] = !must(r.Object.IsExist(r.ctx, "a//b"))
	below := *r.BaseURL.BucketURL
	below.Path = "/some/folder/"
	dropping := cos.NewClient(&cos.BaseURL{BucketURL: &below}, r.http)
	r.seen["path_dropped"] = must(dropping.Object.IsExist(r.ctx, "photo.png"))
	query := url.Values{"imageMogr2/thumbnail/40x/format/webp": []string{""}}
	r.seen["urls"] = map[string]string{
		"get":       r.presigned(http.MethodGet, "图/片 a.png", nil),
		"put":       r.presigned(http.MethodPut, "by url", nil),
		"processed": r.presigned(http.MethodGet, "photo.png", &cos.PresignedURLOptions{Query: &query}),
		"merged":    r.presigned(http.MethodGet, "图/片 a.png", &cos.PresignedURLOptions{SignMerged: true}),
	}
}

func (r *run) presigned(method, key string, options *cos.PresignedURLOptions) string {
	credential := r.GetCredential()
	var given any // a nil pointer in an interface is not nil for the SDK
	if options != nil {
		given = options
	}
	id, secret := credential.SecretID, credential.SecretKey
	signed := must(r.Object.GetPresignedURL(r.ctx, method, key, id, secret, time.Hour, given))
	return signed.String()
}

// source names an object as copies want it; the bucket is named as the cloud service does, wherever the server is.
func (r *run) source(key string) string {
	return r.bucket + ".cos.ap-shanghai.myqcloud.com/" + key
}

func (r *run) multipart() {
	const size = 1 << 20
	large := bytes.Repeat([]byte("0123456789abcdef"), 3*size/16)
	large = append(large, 'z')
	started := answered(r.Object.InitiateMultipartUpload(r.ctx, "parts", nil)).UploadID
	complete := &cos.CompleteMultipartUploadOptions{}
	for number := 1; number <= 2; number++ {
		part := large[(number-1)*2*size:]
		if number == 1 {
			part = part[:2*size]
		}
		answer := must(r.Object.UploadPart(r.ctx, "parts", started, number, bytes.NewReader(part), nil))
		complete.Parts = append(complete.Parts, cos.Object{PartNumber: number, ETag: answer.Header.Get("ETag")})
	}
	parts := len(answered(r.Object.ListParts(r.ctx, "parts", started, nil)).Parts)
	etag := answered(r.Object.CompleteMultipartUpload(r.ctx, "parts", started, complete)).ETag
	same := bytes.Equal(body(r.Object.Get(r.ctx, "parts", nil)), large)
	r.seen["parts"] = []any{parts, strings.HasSuffix(etag, `-2"`), same}

	folder := must(os.MkdirTemp("", "go-client"))
	defer os.RemoveAll(folder)
	up, down := filepath.Join(folder, "up"), filepath.Join(folder, "down")
	must(up, os.WriteFile(up, large, 0o600))
	answered(r.Object.Upload(r.ctx, "uploaded", up, &cos.MultiUploadOptions{PartSize: 1, ThreadPoolSize: 2}))
	must(r.Object.Download(r.ctx, "uploaded", down, &cos.MultiDownloadOptions{PartSize: 1, ThreadPoolSize: 2}))
	answered(r.Object.MultiCopy(r.ctx, "copied", r.source("uploaded"), &cos.MultiCopyOptions{PartSize: 1}))
	r.seen["transfer"] = []bool{bytes.Equal(must(os.ReadFile(down)), large),
		bytes.Equal(body(r.Object.Get(r.ctx, "copied", nil)), large)}

	stopped := answered(r.Object.InitiateMultipartUpload(r.ctx, "stopped", nil)).UploadID
	before := len(answered(r.Bucket.ListMultipartUploads(r.ctx, nil)).Uploads)
	must(r.Object.AbortMultipartUpload(r.ctx, "stopped", stopped))
	after := len(answered(r.Bucket.ListMultipartUploads(r.ctx, nil)).Uploads)
	r.seen["aborted"] = []int{before, after}
}
