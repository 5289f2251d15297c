package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
)

func newModels(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "models", Short: "List and test the language models that agents can name"}
	cmd.AddCommand(newModelsList(g), newModelsTest(g))
	return asGroup(cmd)
}

// newAgentsModels is the list under its older name.
func newAgentsModels(g *global) *cobra.Command {
	cmd := newModelsList(g)
	cmd.Use, cmd.Short = "models", "List the language models that agents can name; as steward models list"
	return cmd
}

func newModelsList(g *global) *cobra.Command {
	var ready bool
	var capability string
	cmd := &cobra.Command{
		Use: "list", Short: "List the language models that agents can name", Args: exactly(),
		Long: "List the language models that agents can name. PROVIDER is the one of this server that is asked; models without one are known and cannot " +
			"be used before a provider is configured. Prices are US dollars per million tokens of input and output; ? is unknown, and so is the cost of such runs then.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"", "text", "image", "audio", "video"}, capability) {
				return usagef("--capability: must be image, audio or video")
			}
			return runModelsList(cmd.Context(), g, capability, ready)
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "Only those that this server has a provider for")
	cmd.Flags().StringVar(&capability, "capability", "", "Only those that read image, audio or video")
	return cmd
}

func runModelsList(ctx context.Context, g *global, capability string, ready bool) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	all, err := c.Models(ctx, capability)
	if err != nil {
		return err
	}
	models := []steward.LanguageModel{}
	for _, m := range all {
		if m.Configured || !ready {
			models = append(models, m)
		}
	}
	if g.json {
		return g.printJSON(models)
	}
	return table(g.out, "MODEL\tPROVIDER\tREADS\tCONTEXT\tPRICE\tDEFAULT", func(row func(...any)) {
		for _, m := range models {
			row(m.ID, orDash(m.Provider), strings.Join(m.Capabilities, ","), tokens(m.ContextWindow), price(m.Price), mark(m.Default))
		}
	})
}

// orDash shows that something is not there.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tokens writes a number of tokens, ? for an unknown one.
func tokens(n int64) string {
	switch {
	case n == 0:
		return "?"
	case n >= 1_000_000:
		return fmt.Sprintf("%gM", float64(n/10_000)/100)
	}
	return fmt.Sprintf("%dk", n/1000)
}

// price writes what a million tokens of input and of output cost.
func price(p *steward.ModelPrice) string {
	if p == nil || p.Input == nil || p.Output == nil {
		return "?"
	}
	if *p.Input == 0 && *p.Output == 0 {
		return "free"
	}
	return fmt.Sprintf("%s / %s", dollars(*p.Input), dollars(*p.Output))
}

func dollars(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func newModelsTest(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "test [MODEL]", Short: "Ask a model one small question whose answer is known", Args: atMost(0, "MODEL"),
		Long: "Ask a model, or the server's default, one small question whose answer is known, and tell how it went: whether the provider answers, in the shape that is " +
			"asked for, with the right values and with quotes that stand in the text. It costs what a short call costs and needs a key with the scope admin. " +
			"Exits with 1 when the model does not pass.",
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return runModelsTest(cmd.Context(), g, name)
		},
	}
}

func runModelsTest(ctx context.Context, g *global, name string) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	t, err := c.TestModel(ctx, name)
	if err != nil {
		return err
	}
	if g.json {
		if err := g.printJSON(t); err != nil {
			return err
		}
	} else if err := printModelTest(g, t); err != nil {
		return err
	}
	switch {
	case t.Failure != nil:
		return fmt.Errorf("%s: %s", t.Failure.Code, t.Failure.Message)
	case !t.OK:
		return fmt.Errorf("%s answered in the right shape, with wrong values", t.Model)
	}
	return nil
}

func printModelTest(g *global, t *steward.ModelTest) error {
	cost := "unknown"
	if t.Usage.Cost != nil {
		cost = fmt.Sprintf("%.6f USD", t.Usage.Cost.USD())
	}
	return table(g.out, "MODEL\tPROVIDER\tRIGHT\tGROUNDED\tTOOK\tTOKENS\tCOST", func(row func(...any)) {
		row(orDash(t.Model), orDash(t.Provider), yesNo(t.OK), yesNo(t.Grounded), fmt.Sprintf("%d ms", t.LatencyMS),
			fmt.Sprintf("%d + %d", t.Usage.InputTokens, t.Usage.OutputTokens), cost)
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
