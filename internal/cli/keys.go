package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newKeys(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Create, list and revoke API keys"}
	cmd.AddCommand(newKeysCreate(g), newKeysList(g), newKeysRevoke(g))
	return cmd
}

// keysCreate are the options of keys create.
type keysCreate struct {
	name    string
	scopes  []string
	expires time.Duration
}

func newKeysCreate(g *global) *cobra.Command {
	var o keysCreate
	cmd := &cobra.Command{
		Use: "create --name NAME", Short: "Create a key and print its token, once", Args: exactly(),
		Example: `  steward keys create --name ci --scope run --expires 720h`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runKeysCreate(cmd.Context(), g, o) },
	}
	cmd.Flags().StringVar(&o.name, "name", "", "what the key is for")
	cmd.Flags().StringSliceVar(&o.scopes, "scope", []string{"run", "write"}, "read, run, write or admin (repeatable)")
	cmd.Flags().DurationVar(&o.expires, "expires", 0, "valid for so long, such as 720h (default: for ever)")
	return cmd
}

func runKeysCreate(ctx context.Context, g *global, o keysCreate) error {
	p := client.KeyCreate{Name: o.name}
	for _, s := range o.scopes {
		p.Scopes = append(p.Scopes, steward.Scope(s))
	}
	if o.expires > 0 {
		at := time.Now().Add(o.expires).UTC()
		p.ExpiresAt = &at
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	k, err := c.CreateKey(ctx, p)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(k)
	}
	if _, err := fmt.Fprintf(g.err, "Key %s. Keep its token now: it is not shown again.\n", k.ID); err != nil {
		return err
	}
	return g.printf("%s\n", k.Token)
}

func newKeysList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List keys, newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			keys, err := c.ListKeys(cmd.Context())
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(keys)
			}
			return table(g.out, "ID\tNAME\tPREFIX\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tSTATE", func(row func(...any)) {
				for _, k := range keys {
					row(k.ID, k.Name, k.Prefix, k.Scopes, k.CreatedAt.Format(time.DateOnly), day(k.ExpiresAt), day(k.LastUsedAt), keyState(k))
				}
			})
		},
	}
}

func day(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.DateOnly)
}

func keyState(k steward.Key) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && k.ExpiresAt.Before(time.Now()):
		return "expired"
	}
	return "active"
}

func newKeysRevoke(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEY", Short: "End a key at once", Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := steward.ParseID[steward.KeyID]("KEY", args[0])
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			c, err := g.client()
			if err != nil {
				return err
			}
			return c.RevokeKey(cmd.Context(), id)
		},
	}
}
