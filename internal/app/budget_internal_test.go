package app

import (
	"testing"

	"github.com/stewardhq/steward"
)

func TestBudgetsAreRoundedToMicroDollars(t *testing.T) {
	t.Parallel()
	for usd, want := range map[float64]steward.MicroUSD{0: 0, 1e-6: 1, 2.01: 2_010_000, 1e9: 1e15} {
		a := BudgetAmounts{OrganizationUSDPerDay: usd, OrganizationUSDPerMonth: usd, AgentUSDPerDay: usd, AgentUSDPerMonth: usd}
		if err := a.check(""); err != nil {
			t.Errorf("%g: %v", usd, err)
		}
		if b := a.micro(); b.PerOrganization != want || b.PerOrganizationMonth != want || b.PerAgent != want || b.PerAgentMonth != want {
			t.Errorf("%g USD became %+v, want %d", usd, b, want)
		}
	}
}
