package app

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
)

// check refuses amounts that cannot be counted and organizations that are none.
func (b *BudgetConfig) check() error {
	if err := b.BudgetAmounts.check("budget."); err != nil {
		return err
	}
	seen := map[steward.OrganizationID]bool{}
	for _, name := range slices.Sorted(maps.Keys(b.Organizations)) {
		key := "budget.organizations." + name
		id, err := steward.ParseID[steward.OrganizationID](key, name)
		if err != nil {
			return fmt.Errorf("%s: must be the id of an organization", key)
		}
		if seen[id] {
			return fmt.Errorf("%s: the organization is named twice", key)
		}
		seen[id] = true
		own := b.Organizations[name]
		if err := own.check(key + "."); err != nil {
			return err
		}
	}
	return nil
}

// check is written so that NaN, which compares as false, is refused.
func (a *BudgetAmounts) check(prefix string) error {
	for _, amount := range []struct {
		usd float64
		key string
	}{
		{a.OrganizationUSDPerDay, "organization_usd_per_day"}, {a.OrganizationUSDPerMonth, "organization_usd_per_month"},
		{a.AgentUSDPerDay, "agent_usd_per_day"}, {a.AgentUSDPerMonth, "agent_usd_per_month"},
	} {
		if !(amount.usd >= 0 && amount.usd <= 1e9) {
			return fmt.Errorf("%s%s: must be from 0 to 1000000000", prefix, amount.key)
		}
		if amount.usd > 0 && amount.usd < 1e-6 {
			return fmt.Errorf("%s%s: must be 0, which means no limit, or at least 0.000001", prefix, amount.key)
		}
	}
	return nil
}

func (c *Config) budget() jobs.Budget {
	b := c.Budget.micro()
	b.Organizations = make(map[steward.OrganizationID]jobs.Budget, len(c.Budget.Organizations))
	for name, own := range c.Budget.Organizations {
		if id, err := steward.ParseID[steward.OrganizationID]("", name); err == nil { // check has seen to it
			b.Organizations[id] = own.micro()
		}
	}
	return b
}

func (a *BudgetAmounts) micro() jobs.Budget {
	return jobs.Budget{
		PerOrganization: microUSD(a.OrganizationUSDPerDay), PerOrganizationMonth: microUSD(a.OrganizationUSDPerMonth),
		PerAgent: microUSD(a.AgentUSDPerDay), PerAgentMonth: microUSD(a.AgentUSDPerMonth),
	}
}

func microUSD(usd float64) steward.MicroUSD { return steward.MicroUSD(math.Round(usd * 1e6)) }
