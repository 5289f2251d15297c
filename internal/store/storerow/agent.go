package storerow

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// SearchText returns the folded text of an agent's own row that a search of agents looks into: name, engine and id.
func SearchText(a *steward.Agent) string {
	return Fold(a.Name + "\n" + a.EngineClassID + "\n" + a.EngineName + "\n" + string(a.ID))
}

// VersionPart returns what a search looks for in the ids of versions: "" when it cannot stand in one, or in nearly all of them.
func VersionPart(search string) string {
	part := Fold(search)
	if id, err := steward.ParseID[steward.VersionID]("", part); err == nil {
		return string(id)
	}
	if len(part) < store.SearchVersionID || strings.Trim(part, "0123456789abcdef-") != "" {
		return ""
	}
	return part
}

// MatchUser reports whether a folded search finds a user: by display name, full name or e-mail address.
func MatchUser(folded string, u *steward.UserInfo) bool {
	return strings.Contains(Fold(u.DisplayName+"\n"+u.FirstName+" "+u.LastName+"\n"+u.Email), folded)
}

// AgentOrder reads the order of a list of agents.
//
// Errors: Invalid for one that is not offered.
func AgentOrder(order string) (by string, descending bool, err error) {
	if order == "" {
		order = "-created_at"
	}
	by, descending = strings.CutPrefix(order, "-")
	for _, known := range store.AgentOrders() {
		if by == known {
			return by, descending, nil
		}
	}
	return "", false, OutOfRange("ordering", "Agents cannot be ordered by that.")
}

// Filtered reports whether a query has filters.
func Filtered(q *store.AgentQuery) bool {
	return q.Search != "" || q.Name != "" || len(q.EngineClassIDs) > 0 || len(q.NotEngines) > 0 || len(q.CreatorIDs) > 0 ||
		len(q.Tags) > 0 || q.Untagged || q.Created != (store.TimeRange{}) || q.Updated != (store.TimeRange{}) ||
		q.MostRecentJob != (store.TimeRange{}) || q.JobsMin != nil || q.JobsMax != nil
}

// MicrosRange returns the ends of a range for a comparison with times in microseconds; open ends lie beyond any time.
func MicrosRange(r store.TimeRange) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !r.From.IsZero() {
		from = microsUp(r.From)
	}
	if !r.To.IsZero() {
		to = r.To.UnixMicro()
	}
	return from, to
}

// microsUp is the first whole microsecond from t on.
func microsUp(t time.Time) int64 {
	us := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		us++
	}
	return us
}

// JobRange returns the least and the greatest job count of a query.
func JobRange(q *store.AgentQuery) (least, most int64) {
	least, most = 0, math.MaxInt64
	if q.JobsMin != nil {
		least = *q.JobsMin
	}
	if q.JobsMax != nil {
		most = *q.JobsMax
	}
	return least, most
}

// TagIDs returns the ids of tags.
func TagIDs(tags []steward.Tag) []steward.TagID {
	ids := make([]steward.TagID, len(tags))
	for i, t := range tags {
		ids[i] = t.ID
	}
	return ids
}

// UnknownTag is the error for a tag that the organization does not have.
func UnknownTag(id steward.TagID) error {
	return OutOfRange("tag_ids", fmt.Sprintf("Tag %q does not exist.", string(id)))
}

// TagTaken is the error for the name of another tag.
func TagTaken() error { return Conflict("name", "A tag of this name exists already.") }

// TooManyTags is the error for one tag too many.
func TooManyTags() error {
	return Conflict("", fmt.Sprintf("An organization can have at most %d tags.", store.MaxTags))
}

// CurrentVersion is the error for the deletion of a current version.
func CurrentVersion() error {
	return Conflict("", "The current version cannot be deleted.")
}

// HeldByJobs is the error for the deletion of a file that only jobs hold.
func HeldByJobs() error {
	return Conflict("", "The file belongs to a job: delete the job's data instead.")
}

// JSONList encodes texts as a JSON array; nil becomes [].
func JSONList[T ~string | ~int64](list []T) string {
	if len(list) == 0 {
		return "[]"
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "[]" // cannot happen: texts and numbers always encode
	}
	return string(b)
}
