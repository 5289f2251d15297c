package client

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/stewardhq/steward"
)

// maxUploads is how many files are uploaded at once.
const maxUploads = 4

// uploader puts files at the server, so that inputs which travel as JSON can name them.
type uploader struct {
	c      *Client
	byPath map[sameFile]*pending
	todo   []*pending
}

// sameFile tells files of this machine that are uploaded once, however many inputs name them.
type sameFile struct{ path, name, contentType string }

// pending is a file to be uploaded; ref names it once it is.
type pending struct {
	key  string // of an input that has it
	file File
	ref  string
}

// fileRefs is a file input in JSON: a text, or a list of texts when there are several files.
type fileRefs []*pending

// MarshalJSON implements json.Marshaler.
func (refs fileRefs) MarshalJSON() ([]byte, error) {
	if len(refs) == 1 {
		return json.Marshal(refs[0].ref)
	}
	list := make([]string, len(refs))
	for i, p := range refs {
		list[i] = p.ref
	}
	return json.Marshal(list)
}

// take returns the fields of inputs, as they encode after run. Files whose content has to be sent wait for run.
func (u *uploader) take(in Inputs) (map[string]any, error) {
	fields := make(map[string]any, len(in))
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if err := checkKey(key); err != nil {
			return nil, err
		}
		list, isFile, err := filesOf(in[key])
		if err != nil {
			return nil, &inputError{key, err}
		}
		if !isFile {
			fields[key] = in[key]
			continue
		}
		refs := make(fileRefs, len(list))
		for i, f := range list {
			ref, err := f.reference()
			if err != nil {
				return nil, &inputError{key, err}
			}
			if refs[i] = (&pending{ref: ref}); ref == "" {
				refs[i] = u.wait(key, f)
			}
		}
		if len(refs) > 0 {
			fields[key] = refs
		}
	}
	return fields, nil
}

// wait notes a file for run.
func (u *uploader) wait(key string, f File) *pending {
	same := sameFile{f.Path, f.Name, f.ContentType}
	if f.Path != "" && u.byPath[same] != nil {
		return u.byPath[same]
	}
	p := &pending{key: key, file: f}
	u.todo = append(u.todo, p)
	if f.Path != "" {
		u.byPath[same] = p
	}
	return p
}

// run uploads what waits, some at a time, and returns the first error after all have ended.
func (u *uploader) run(ctx context.Context) error {
	if len(u.todo) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *pending)
	var group sync.WaitGroup
	for range min(maxUploads, len(u.todo)) {
		group.Go(func() {
			for p := range next {
				if err := p.upload(ctx, u.c); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, p := range u.todo {
		if ctx.Err() != nil {
			break
		}
		next <- p
	}
	close(next)
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (p *pending) upload(ctx context.Context, c *Client) error {
	stored, err := c.uploadFile(ctx, p.key, p.file, FileOptions{Temporary: true})
	if err != nil {
		return err
	}
	p.ref = fileRefPrefix + string(stored.ID)
	return nil
}

// fileRefPrefix stands before the id of a stored file where a text could stand as well.
const fileRefPrefix = "file_"

// checkKey refuses names of inputs that the call itself takes.
func checkKey(key string) error {
	if key == fieldMetadata || key == fieldTimeout || key == fieldIdempotency {
		return &steward.Error{Code: steward.Invalid, Field: key, Message: "an input cannot have this name"}
	}
	return nil
}
