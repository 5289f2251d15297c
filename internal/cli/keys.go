package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newKeys(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Create, list and revoke API keys"}
	cmd.AddCommand(newKeysCreate(g), newKeysList(g), newKeysRevoke(g))
	return asGroup(cmd)
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
		Long: `Create a key and print its token, once: it is not stored and cannot be shown again.

Scopes: read (get and list everything), run (start and cancel jobs), write (create agents), admin (keys, and everything else). run and write include read.`,
		Example: `steward keys create --name ci --scope run --expires 720h
steward keys create --name dashboard --scope read --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runKeysCreate(cmd.Context(), g, o) },
	}
	cmd.Flags().StringVar(&o.name, "name", "", "What the key is for (needed)")
	cmd.Flags().StringSliceVar(&o.scopes, "scope", []string{"run", "write"}, "What the key may do: read, run, write or admin; repeatable")
	cmd.Flags().DurationVar(&o.expires, "expires", 0, "Valid for so long, such as 720h (default: for ever)")
	hideDefaults(cmd.Flags(), "expires")
	completeFixed(cmd, "scope", "read", "run", "write", "admin")
	return cmd
}

func runKeysCreate(ctx context.Context, g *global, o keysCreate) error {
	if o.name == "" {
		return usagef("--name is needed")
	}
	if o.expires < 0 {
		return usagef("--expires must not be negative")
	}
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
	if err := g.notef("Key %s. Keep its token now: it is not shown again.", k.ID); err != nil {
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
					row(k.ID, k.Name, k.Prefix, scopesOf(k), day(&k.CreatedAt), day(k.ExpiresAt), day(k.LastUsedAt), keyState(k))
				}
			})
		},
	}
}

func scopesOf(k steward.Key) string {
	names := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ",")
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
	cmd := &cobra.Command{
		Use: "revoke KEY", Short: "End a key at once", Args: exactly("KEY"),
		Long: "End a key at once. KEY is its id in: steward keys list",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID[steward.KeyID]("KEY", args[0])
			if err != nil {
				return err
			}
			c, err := g.client()
			if err != nil {
				return err
			}
			if err := c.RevokeKey(cmd.Context(), id); err != nil {
				return err
			}
			return g.notef("Key %s is revoked.", id)
		},
	}
	g.completeArgs(cmd, (*completer).keys)
	return without(cmd, "json")
}
