package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Usual is where servers of language models listen when nobody told them otherwise, by the name that they get as providers.
func Usual() map[string]string {
	return map[string]string{
		"ollama":   "http://127.0.0.1:11434/v1",
		"vllm":     "http://127.0.0.1:8000/v1",
		"llamacpp": "http://127.0.0.1:8080/v1",
		"lmstudio": "http://127.0.0.1:1234/v1",
	}
}

// Limits of detection.
const (
	detectTime   = 500 * time.Millisecond
	maxModelList = 1 << 20 // bytes
	maxModels    = 200
	maxModelName = 200 // bytes
)

// Detect asks the addresses, all at once and for half a second at most, for the models that they serve in OpenAI's form, and
// returns those that answered as providers. Anything else that listens there is left alone. Those on this machine count as free of
// charge.
func Detect(ctx context.Context, addresses map[string]string) map[string]ProviderConfig {
	found := make(map[string]ProviderConfig, len(addresses))
	for name, base := range addresses {
		found[name] = ProviderConfig{Kind: KindOpenAICompat, BaseURL: base, Free: isLoopback(base)}
	}
	served := Served(ctx, found)
	for name, p := range found {
		if p.Models = served[name]; len(p.Models) == 0 { // nobody is there, or somebody else
			delete(found, name)
			continue
		}
		found[name] = p
	}
	return found
}

// Served asks OpenAI-compatible servers, all at once and for half a second at most, for the names of their models. Those that do not
// answer are left out.
func Served(ctx context.Context, providers map[string]ProviderConfig) map[string][]string {
	ctx, cancel := context.WithTimeout(ctx, detectTime)
	defer cancel()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		served = map[string][]string{}
	)
	for name, p := range providers {
		wg.Go(func() {
			models, err := servedModels(ctx, p)
			if err != nil || len(models) == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			served[name] = models
		})
	}
	wg.Wait()
	return served
}

// servedModels asks an OpenAI-compatible server which models it serves, by their own names, at most 200. Names that cannot be
// printed are left out.
//
// Errors: the server cannot be reached or answers something else.
func servedModels(ctx context.Context, p ProviderConfig) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(p.BaseURL, "/")+"/models", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	if p.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+p.APIKey)
	}
	for name, value := range p.Headers {
		req.Header.Set(name, value)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // it is asked once
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("list models: status %d", resp.StatusCode)
	}
	return readModels(io.LimitReader(resp.Body, maxModelList))
}

func readModels(r io.Reader) ([]string, error) {
	var list struct {
		Object string `json:"object"`
		Data   []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	if list.Object != "list" {
		return nil, errors.New("list models: not a list of models")
	}
	var names []string
	for _, m := range list.Data {
		if m.ID != "" && len(m.ID) <= maxModelName && strings.IndexFunc(m.ID, func(r rune) bool { return !unicode.IsGraphic(r) }) < 0 && len(names) < maxModels {
			names = append(names, m.ID)
		}
	}
	return names, nil
}
