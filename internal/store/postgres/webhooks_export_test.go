package postgres

// WebhookStatements returns the statements of webhooks that meet many rows, for the test of their plans.
func WebhookStatements() map[string]string {
	return map[string]string{
		"due webhooks":      dueWebhooksSQL,
		"claim deliveries":  claimDeliveriesSQL,
		"record deliveries": recordDeliveriesSQL,
		"count deliveries":  countDeliveriesSQL,
		"list deliveries":   listDeliveriesSQL,
		"resend":            resendSQL,
		"sweep delivered":   sweepDeliveredSQL,
		"sweep failed":      sweepFailedSQL,
		"sweep paused":      sweepPausedSQL,
		"sweep deleted":     sweepDeletedSQL,
		"forget deleted":    forgetDeletedSQL,
	}
}
