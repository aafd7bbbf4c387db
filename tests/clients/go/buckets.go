package main

import (
	"strings"

	"github.com/tencentyun/cos-go-sdk-v5"
)

func (r *run) buckets() {
	must(r.Bucket.Put(r.ctx, nil))
	names := []string{}
	for _, item := range answered(r.Service.Get(r.ctx)).Buckets {
		names = append(names, item.Name)
	}
	r.seen["buckets"] = names
	r.seen["exists"] = must(r.Bucket.IsExist(r.ctx))
	r.seen["location"] = answered(r.Bucket.GetLocation(r.ctx)).Location
	for _, key := range []string{"l/a b+c%.txt", "l/d/1", "l/d/2", "l/图.png"} {
		must(r.Object.Put(r.ctx, key, strings.NewReader(key), nil))
	}
	listed, marker, pages := []string{}, "", 0
	for more := true; more; pages++ {
		page := answered(r.Bucket.Get(r.ctx, &cos.BucketGetOptions{
			Prefix: "l/", MaxKeys: 2, Marker: marker, EncodingType: "url"}))
		for _, item := range page.Contents {
			listed = append(listed, must(cos.DecodeURIComponent(item.Key)))
		}
		marker, more = must(cos.DecodeURIComponent(page.NextMarker)), page.IsTruncated
	}
	r.seen["listed"], r.seen["pages"] = listed, pages
	r.seen["prefixes"] = answered(r.Bucket.Get(r.ctx, &cos.BucketGetOptions{Prefix: "l/", Delimiter: "/"})).CommonPrefixes
}

func (r *run) access() {
	must(r.Bucket.PutACL(r.ctx, &cos.BucketPutACLOptions{Header: &cos.ACLHeaderOptions{XCosACL: "public-read"}}))
	must(r.Object.PutACL(r.ctx, "photo.png", &cos.ObjectPutACLOptions{Header: &cos.ACLHeaderOptions{XCosACL: "private"}}))
	_, bucket, err := r.Bucket.GetACL(r.ctx)
	must(bucket, err)
	_, object, err := r.Object.GetACL(r.ctx, "photo.png")
	must(object, err)
	r.seen["acl"] = []string{bucket.Header.Get("X-Cos-Acl"), object.Header.Get("X-Cos-Acl")}
	must(r.Bucket.PutACL(r.ctx, &cos.BucketPutACLOptions{Header: &cos.ACLHeaderOptions{XCosACL: "private"}}))

	must(r.Bucket.PutTagging(r.ctx, &cos.BucketPutTaggingOptions{
		TagSet: []cos.BucketTaggingTag{{Key: "project", Value: "one two"}}}))
	must(r.Object.PutTagging(r.ctx, "photo.png", &cos.ObjectPutTaggingOptions{
		TagSet: []cos.ObjectTaggingTag{{Key: "project", Value: "three"}}}))
	tagging := [][]string{}
	for _, tag := range answered(r.Bucket.GetTagging(r.ctx)).TagSet {
		tagging = append(tagging, []string{tag.Key, tag.Value})
	}
	for _, tag := range answered(r.Object.GetTagging(r.ctx, "photo.png")).TagSet {
		tagging = append(tagging, []string{tag.Key, tag.Value})
	}
	r.seen["tagging"] = tagging
	must(r.Bucket.DeleteTagging(r.ctx))
	must(r.Object.DeleteTagging(r.ctx, "photo.png"))

	must(r.Bucket.PutCORS(r.ctx, &cos.BucketPutCORSOptions{Rules: []cos.BucketCORSRule{{
		AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://a.example.com"},
		AllowedHeaders: []string{"*"}, MaxAgeSeconds: 600, ExposeHeaders: []string{"ETag"}}}}))
	rule := answered(r.Bucket.GetCORS(r.ctx)).Rules[0]
	allowed := must(r.Object.Options(r.ctx, "photo.png", &cos.ObjectOptionsOptions{
		Origin: "https://a.example.com", AccessControlRequestMethod: "GET"}))
	r.seen["cors"] = []any{rule.AllowedOrigins[0], rule.AllowedMethods[0], rule.MaxAgeSeconds,
		allowed.Header.Get("Access-Control-Allow-Origin")}
	must(r.Bucket.DeleteCORS(r.ctx))
}
