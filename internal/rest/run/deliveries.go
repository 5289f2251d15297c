package run

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/wire"
)

func (f *family) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	var statuses []steward.DeliveryStatus
	for _, list := range r.URL.Query()["status"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				statuses = append(statuses, steward.DeliveryStatus(name))
			}
		}
	}
	return listPage(f, w, r, presentDelivery, func(ctx context.Context, page, size int) ([]steward.Delivery, int64, error) {
		return f.Webhooks.Deliveries(ctx, id, statuses, page, size)
	})
}

// presentDelivery makes a delivery fit for the wire.
func presentDelivery(d steward.Delivery) steward.Delivery {
	d.CreatedAt = d.CreatedAt.UTC()
	return d
}

// deliveryCall answers with the delivery that call returns for the one in the path.
func (f *family) deliveryCall(w http.ResponseWriter, r *http.Request,
	call func(ctx context.Context, webhook steward.WebhookID, id steward.DeliveryID) (*steward.Delivery, error),
) error {
	webhook, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	id, err := wire.PathID[steward.DeliveryID](r, "delivery_id")
	if err != nil {
		return err
	}
	d, err := call(r.Context(), webhook, id)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, presentDelivery(*d))
}

func (f *family) getDelivery(w http.ResponseWriter, r *http.Request) error {
	return f.deliveryCall(w, r, f.Webhooks.Delivery)
}

func (f *family) replayDelivery(w http.ResponseWriter, r *http.Request) error {
	return f.deliveryCall(w, r, f.Webhooks.Replay)
}

func (f *family) testWebhook(w http.ResponseWriter, r *http.Request) error {
	agent, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	id, err := wire.PathID[steward.WebhookID](r, fieldWebhookID)
	if err != nil {
		return err
	}
	report, err := f.Webhooks.Test(r.Context(), agent, id)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, report)
}

// resent is the answer to a resend.
type resent struct {
	Status string `json:"status" doc:"queued, or no_active_webhooks."`
	Queued int    `json:"queued" doc:"How many deliveries were queued."`
}

func (f *family) resend(w http.ResponseWriter, r *http.Request) error {
	job, err := wire.PathID[steward.JobID](r, "job_id")
	if err != nil {
		return err
	}
	members, err := wire.ReadOwnObject(w, r, wire.MaxBodyBytes)
	if err != nil {
		return err
	}
	d := wire.NewDecoder(members)
	name := d.Text(fieldWebhookID)
	if err := d.Err(); err != nil {
		return err
	}
	var webhook steward.WebhookID
	if name != "" {
		if webhook, err = steward.ParseID[steward.WebhookID](fieldWebhookID, name); err != nil {
			return err
		}
	}
	n, err := f.Webhooks.Resend(r.Context(), job, webhook)
	if e := (*steward.Error)(nil); errors.As(err, &e) && e.Code == steward.Conflict {
		return &wire.Detailed{Status: http.StatusBadRequest, Body: map[string]string{"error": e.Message}, Err: err}
	}
	if err != nil {
		return err
	}
	out := resent{Status: "queued", Queued: n}
	if n == 0 {
		out.Status = "no_active_webhooks"
	}
	return f.api.JSON(w, r, http.StatusOK, out)
}
