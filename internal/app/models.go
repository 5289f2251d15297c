package app

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/model"
)

// lookForModels adds what can be found out at the start: servers of models on this machine when no provider is configured, and the
// models of compatible servers whose configuration names none. What does not answer at once is left out.
func (s *Server) lookForModels(ctx context.Context, config *model.Config) {
	if s.config.Models.Detect == DetectOff {
		return
	}
	if len(config.Providers) > 0 {
		s.askForModels(ctx, config)
		return
	}
	addresses := model.Usual()
	for name, address := range addresses {
		if s.listensAt(address) { // the port is ours
			delete(addresses, name)
		}
	}
	for name, p := range model.Detect(ctx, addresses) {
		s.log.InfoContext(ctx, "language models found on this machine", "provider", name, "address", p.BaseURL, "models", strings.Join(p.Models, ", "))
		config.Providers[name] = p
	}
}

// askForModels fills in the models of compatible servers.
func (s *Server) askForModels(ctx context.Context, config *model.Config) {
	unnamed := map[string]model.ProviderConfig{}
	for name, p := range config.Providers {
		if p.Kind == model.KindOpenAICompat && len(p.Models) == 0 && len(p.ModelIDs) == 0 && p.BaseURL != "" {
			unnamed[name] = p
		}
	}
	for name, models := range model.Served(ctx, unnamed) {
		p := config.Providers[name]
		p.Models = models
		config.Providers[name] = p
	}
}

// listensAt reports whether the server's own port is that of an address on this machine.
func (s *Server) listensAt(address string) bool {
	u, err := url.Parse(address)
	if err != nil || s.listener == nil {
		return false
	}
	own := s.listener.Addr().String()
	return slices.Contains([]string{"127.0.0.1:" + u.Port(), "[::]:" + u.Port(), "0.0.0.0:" + u.Port()}, own)
}
