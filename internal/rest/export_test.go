package rest

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/stewardhq/steward/internal/rest/wire"
)

// Routes returns the router's own table of a door.
func Routes(h http.Handler) (chi.Routes, bool) {
	door, is := h.(*server)
	if !is {
		return nil, false
	}
	api, is := door.next.(*wire.API)
	if !is {
		return nil, false
	}
	return api.Routes(), true
}
