package main

import (
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"

	"github.com/tencentyun/cos-go-sdk-v5"
)

// picture is an answer with its bytes, which the caller decodes.
func picture(response *cos.Response, err error) map[string]string {
	data := body(response, err)
	return map[string]string{"type": response.Header.Get("Content-Type"), "data": base64.StdEncoding.EncodeToString(data)}
}

func results(answer *cos.ImageProcessResult) []map[string]any {
	items := []map[string]any{}
	for _, item := range answer.ProcessResults {
		items = append(items, map[string]any{"key": item.Key, "format": item.Format, "width": item.Width,
			"height": item.Height, "size": item.Size, "etag": item.ETag})
	}
	return items
}

func (r *run) images() {
	got := map[string]map[string]string{}
	for _, format := range []string{"tpg", "heif", "avif", "webp"} {
		got[format] = picture(r.CI.Get(r.ctx, "photo.png", "imageMogr2/thumbnail/120x/format/"+format, nil))
	}
	got["pipeline"] = picture(r.CI.Get(r.ctx, "photo.png", "imageMogr2/thumbnail/60x|imageMogr2/format/jpg", nil))
	r.seen["got"] = got
	var info map[string]any
	must(info, json.Unmarshal(body(r.CI.Get(r.ctx, "photo.png", "imageInfo", nil)), &info))
	r.seen["info"] = info

	operations := &cos.PicOperations{IsPicInfo: 1, Rules: []cos.PicOperationsRules{
		{FileId: "small.webp", Rule: "imageMogr2/thumbnail/60x/format/webp"},
		{FileId: "/tpg/photo.tpg", Rule: "imageMogr2/thumbnail/60x/format/tpg"}}}
	options := &cos.ObjectPutOptions{ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{}}
	options.XOptionHeader = operationsHeader(operations)
	file := must(os.Open(r.photo))
	defer file.Close()
	put := answered(r.CI.Put(r.ctx, "dir/photo.png", file, options))
	original := put.OriginalInfo
	r.seen["original"] = []any{original.Key, original.ETag, original.ImageInfo.Format, original.ImageInfo.Width}
	r.seen["put"] = results(put)
	r.seen["posted"] = results(answered(r.CI.ImageProcess(r.ctx, "dir/photo.png", operations)))
	r.seen["stored"] = map[string]map[string]string{
		"dir/small.webp": picture(r.Object.Get(r.ctx, "dir/small.webp", nil)),
		"tpg/photo.tpg":  picture(r.Object.Get(r.ctx, "tpg/photo.tpg", nil)),
	}
	r.seen["by face"] = picture(r.CI.Get(r.ctx, "photo.png", "imageMogr2/rcrop/1x1|imageMogr2/scrop/100x100/format/png", nil))
	r.sliced(operations)
	r.slimmed()
}

// slimmed switches imageSlim on for downloads, and off again.
func (r *run) slimmed() {
	options := &cos.ImageSlimOptions{SlimMode: "API,Auto", Suffixs: &cos.ImageSlimSuffixs{Suffix: []string{"png"}}}
	body(r.CI.PutImageSlim(r.ctx, options))
	told, _, err := r.CI.GetImageSlim(r.ctx)
	must(told, err)
	answer := must(r.Object.Get(r.ctx, "photo.png", nil))
	flag := answer.Header.Get("X-Slimflag")
	slim := picture(answer, nil)
	body(r.CI.DeleteImageSlim(r.ctx))
	off, _, err := r.CI.GetImageSlim(r.ctx)
	must(off, err)
	r.seen["slimmed"] = map[string]any{"told": []any{told.SlimMode, told.Status, told.Suffixs.Suffix, off.Status},
		"flag": flag, "picture": slim}
}

// sliced has a large picture uploaded in parts by the SDK, and its result made on completion.
func (r *run) sliced(operations *cos.PicOperations) {
	noise := image.NewNRGBA(image.Rect(0, 0, 700, 700))
	must(rand.New(rand.NewSource(1)).Read(noise.Pix))
	path := filepath.Join(must(os.MkdirTemp("", "go-client")), "noise.png")
	defer os.RemoveAll(filepath.Dir(path))
	file := must(os.Create(path))
	must(file, png.Encode(file, noise))
	must(file, file.Close())
	done := answered(r.Object.UploadWithPicOperations(r.ctx, "sliced/noise.png", path, &cos.MultiUploadOptions{
		PartSize: 1, OptIni: &cos.InitiateMultipartUploadOptions{ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{
			XOptionHeader: operationsHeader(operations)}}}))
	r.seen["sliced"] = map[string]any{"etag": done.ETag, "result": picture(r.Object.Get(r.ctx, "sliced/small.webp", nil))}
}

func operationsHeader(operations *cos.PicOperations) *http.Header {
	header := http.Header{}
	header.Set("Pic-Operations", cos.EncodePicOperations(operations))
	return &header
}

func (r *run) errors() {
	r.seen["errors"] = map[string]any{
		"missing":  failure(r.Object.Get(r.ctx, "missing", nil)),
		"headless": failure(r.Object.Head(r.ctx, "missing", nil)),
		"rotated":  failure(r.CI.Get(r.ctx, "photo.png", "imageMogr2/rotate/abc", nil)),
	}
}
