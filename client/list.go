package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/stewardhq/steward"
)

// getOne fetches a JSON document of a type.
func getOne[T any](ctx context.Context, c *Client, path string, q url.Values) (*T, error) {
	out := new(T)
	if err := c.get(ctx, path, q, out); err != nil {
		return nil, err
	}
	return out, nil
}

// putOne sends a JSON document and returns the answer.
func putOne[T any](ctx context.Context, c *Client, method, path string, in any, again repeat) (*T, error) {
	out := new(T)
	if err := c.put(ctx, method, path, in, out, again); err != nil {
		return nil, err
	}
	return out, nil
}

// getList fetches a whole list, which stands bare or in pages.
func getList[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var all []T
	for page := 1; ; page++ {
		q := url.Values{}
		if page > 1 {
			setInt(q, "page", page)
		}
		var raw json.RawMessage
		if err := c.get(ctx, path, q, &raw); err != nil {
			return nil, err
		}
		if page == 1 && json.Unmarshal(raw, &all) == nil {
			return all, nil
		}
		var part steward.Page[T]
		if err := json.Unmarshal(raw, &part); err != nil {
			return nil, fmt.Errorf("GET %s: decode answer: %w", path, err)
		}
		if all = append(all, part.Results...); part.Next == nil {
			return all, nil
		}
	}
}

func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setInt(q url.Values, name string, n int) {
	if n != 0 {
		q.Set(name, strconv.Itoa(n))
	}
}

func setTrue(q url.Values, name string, is bool) {
	if is {
		q.Set(name, "true")
	}
}

func setTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

// pages ranges over the rows of a list from page first.
func pages[T any](first int, fetch func(page int) (*steward.Page[T], error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for n := max(first, 1); ; n++ {
			page, err := fetch(n)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Results {
				if !yield(&page.Results[i], nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
		}
	}
}
