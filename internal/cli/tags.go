package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newTags(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "tags", Short: "List, create, change and delete the tags of agents"}
	cmd.AddCommand(newTagsList(g), newTagsCreate(g), newTagsUpdate(g), newTagsDelete(g))
	return asGroup(cmd)
}

func tagColors() []string {
	return []string{"blue", "green", "purple", "orange", "red", "yellow", "gray", "pink"}
}

func newTagsList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List tags", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			tags, err := c.ListTags(cmd.Context())
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(notNil(tags))
			}
			return table(g.out, "ID\tNAME\tCOLOR\tAGENTS", func(row func(...any)) {
				for _, t := range tags {
					row(t.ID, t.Name, t.Color, t.UsageCount)
				}
			})
		},
	}
}

// notNil makes a list that JSON shows as [].
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func newTagsCreate(g *global) *cobra.Command {
	var color string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a tag, and print its id", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			t, err := c.CreateTag(cmd.Context(), client.TagCreate{Name: args[0], Color: color})
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(t)
			}
			return g.printf("%s\n", t.ID)
		},
	}
	cmd.Flags().StringVar(&color, "color", "", "One of "+strings.Join(tagColors(), ", ")+" (default: the server's choice)")
	completeFixed(cmd, "color", tagColors()...)
	return cmd
}

func newTagsUpdate(g *global) *cobra.Command {
	var name, color string
	cmd := &cobra.Command{
		Use: "update TAG", Short: "Change a tag's name or color wherever it is used", Args: exactly("TAG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u := client.TagUpdate{Name: optional(cmd, "name", name), Color: optional(cmd, "color", color)}
			if u == (client.TagUpdate{}) {
				return usagef("nothing to change: give --name or --color")
			}
			c, t, err := g.tag(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if t, err = c.UpdateTag(cmd.Context(), t.ID, u); err != nil {
				return err
			}
			if g.json {
				return g.printJSON(t)
			}
			return g.notef("Tag %s (%s) is changed.", quoted(t.Name), t.ID)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "New name")
	cmd.Flags().StringVar(&color, "color", "", "New color")
	completeFixed(cmd, "color", tagColors()...)
	g.completeArgs(cmd, (*completer).tags)
	return cmd
}

func newTagsDelete(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete TAG", Short: "Delete a tag, and take it off all agents", Args: exactly("TAG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, t, err := g.tag(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.DeleteTag(cmd.Context(), t.ID); err != nil {
				return err
			}
			return g.notef("Tag %s is deleted.", quoted(t.Name))
		},
	}
	g.completeArgs(cmd, (*completer).tags)
	return without(cmd, "json")
}

// tag returns the SDK and the tag that an argument names.
func (g *global) tag(ctx context.Context, s string) (*client.Client, *steward.Tag, error) {
	c, err := g.client()
	if err != nil {
		return nil, nil, err
	}
	tags, err := findTags(ctx, c, []string{s})
	if err != nil {
		return nil, nil, err
	}
	if len(tags) == 0 {
		return nil, nil, usagef("TAG is empty")
	}
	return c, &tags[0], nil
}

// findTags returns the tags that ids or names stand for; empty names stand for none.
func findTags(ctx context.Context, c *client.Client, names []string) ([]steward.Tag, error) {
	var found []steward.Tag
	var all []steward.Tag
	for _, s := range names {
		if s == "" {
			continue
		}
		if all == nil {
			var err error
			if all, err = c.ListTags(ctx); err != nil {
				return nil, err
			}
		}
		t, ok := tagCalled(all, s)
		if !ok {
			return nil, unknown("tag", s, "steward agents tags list")
		}
		found = append(found, t)
	}
	return found, nil
}

// tagCalled finds a tag by id or exact name.
func tagCalled(tags []steward.Tag, s string) (steward.Tag, bool) {
	id, err := steward.ParseID[steward.TagID]("tag", s)
	for _, t := range tags {
		if t.Name == s || (err == nil && t.ID == id) {
			return t, true
		}
	}
	return steward.Tag{}, false
}

func idsOf(tags []steward.Tag) []steward.TagID {
	ids := make([]steward.TagID, len(tags))
	for i, t := range tags {
		ids[i] = t.ID
	}
	return ids
}
