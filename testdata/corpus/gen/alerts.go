package main

import "fmt"

func alerts() []document {
	return []document{
		alertGridPDF(), alertText(), alertSanctions(), alertMemo(), alertTakeover(), alertStructuring(), alertKeyValueText(),
		alertWireText(),
		alertTerminalText(), alertNumberedForm(), alertClaimCards(),
		alertChargeback(), alertBordersText(), alertCaseLogText(),
	}
}

// A transaction monitoring alert as a case system prints it: label column and value column, a table of transactions.
func alertGridPDF() document {
	cols := []col{
		{head: "Booked", field: "date", share: 0.16},
		{head: "Counterparty", field: "counterparty", share: 0.34},
		{head: "Country", field: "country", share: 0.12},
		{head: "Channel", field: "channel", share: 0.18},
		{head: "Amount (EUR)", field: "amount", share: 0.20, align: 'R'},
	}
	return document{
		name: "alert-01-monitoring", kind: "alert", title: "AML alert", style: nullable,
		locale: us("2006-01-02", "2006-01-02 15:04 MST"),
		fields: `
			alert_id!                     text     | Alert ID
			created_at                    datetime | Created at | Date and time of the alert, UTC
			rule                          text     | Rule | Name of the rule that fired
			risk_score                    integer  | Risk score
			priority                      enum(low,medium,high,critical) | Priority
			status                        enum(open,escalated,closed) | Status
			customer_name                 text     | Customer name
			customer_id                   text     | Customer ID
			customer_since                date     | Customer since
			account_iban                  iban     | Account (IBAN)
			pep                           boolean  | Politically exposed person
			total_amount                  amount   | Total amount of the flagged transactions
			currency                      currency | Currency
			analyst                       text     | Assigned analyst
			sar_filed_on                  date     | Date on which a report was filed
			transactions[]/date           date     | Booking date
			transactions[]/counterparty   text     | Counterparty
			transactions[]/country        text     | Country code
			transactions[]/channel        text     | Channel
			transactions[]/amount         amount   | Amount`,
		theme: blueSans(),
		body: []block{
			banner("Transaction monitoring alert", "Kestrel & Dune Bank"),
			columns(0.5,
				stack(tabbed(95, "Alert ID", "{alert_id|TM-2026-118204}", "Created", "{created_at|2026-02-09 06:15 UTC}",
					"Rule", "{rule|Rapid movement of funds}", "Risk score", "{risk_score|87} / 100",
					"Priority", "{priority|High}", "Status", "{status|Open}")),
				stack(tabbed(95, "Customer", "{customer_name|Pellworm Trading OÜ}", "Customer ID", "{customer_id|C-559120}",
					"Customer since", "{customer_since|2025-10-30}", "Account", "{account_iban|EE38 2200 2210 2014 5685}",
					"PEP", "{pep|No|false}", "SAR filed on", "-"))),
			heading("Flagged transactions"),
			table(look{frame: true}, "transactions", cols, [][]string{
				{"2026-02-06", "Orlanda Shipping Ltd", "CY", "SEPA credit", "48,900.00"},
				{"2026-02-06", "M. Dravec", "HR", "Instant payment", "-24,300.00"},
				{"2026-02-07", "Quorra Exchange", "LT", "Instant payment", "-24,450.00"},
			}),
			lines(font{}, "Total amount flagged: {currency|EUR} {total_amount|97,650.00}"),
			para(font{}, "Incoming funds left the account within 26 hours. The customer declared consulting as its business; no invoices are on file."),
		},
	}
}

// A card fraud notice that reaches the desk as an e-mail, facts inside sentences and labelled lines.
func alertText() document {
	return document{
		name: "alert-02-card-mail", kind: "alert", title: "FraudAlert", style: pydantic,
		locale: us("2 January 2006"),
		fields: `
			reference!           text    | | Reference number of the alert
			alert_date           date    | | Date of the alert
			alert_type           enum(card_fraud,account_takeover,money_laundering,identity_theft)
			cardholder           text
			card_last4           text
			merchant             text
			merchant_country     text
			amount!              amount
			currency             currency
			transaction_date     date
			card_blocked         boolean
			customer_contacted   boolean
			hotline              phone
			contact_email        email`,
		text: `
From: {contact_email|alerts@fraud.banksia-mutual.example}
To: card-desk@banksia-mutual.example
Date: {alert_date|14 January 2026}
Subject: Card alert, reference {reference|FA-88-30417}

Alert type: {alert_type|Card fraud}
Reference: {reference|FA-88-30417}

Cardholder: {cardholder|Leontine Abara}
Card ending: {card_last4|4402}
Merchant: {merchant|GLIMMER ELECTRONICS ONLINE}
Merchant country: {merchant_country|Romania}
Transaction date: {transaction_date|13 January 2026}
Amount: {currency|GBP} {amount|1,879.00}
Usual monthly spend: GBP 640.00

{card_blocked|Card blocked: yes|true}
{customer_contacted|Customer contacted: no|false}

For questions call the fraud hotline on {hotline|+44 20 7946 0958}.
`,
	}
}

// A sanctions screening hit: labels above values in three columns, the listed person beside the customer as a decoy.
func alertSanctions() document {
	return document{
		name: "alert-03-sanctions", kind: "alert", title: "ScreeningHit", style: pydantic,
		locale: us("2 Jan 2006"),
		fields: `
			hit_id!              text
			screened_on          date
			list_name            text
			match_score          number  | | Match score in percent
			customer_name!       text
			customer_birth_date  date
			customer_nationality text
			listed_name          text    | | Name as it stands on the list
			listed_birth_date    date
			listed_country       text
			decision             enum(true_match,false_positive,pending)
			decided_by           text
			relationship_blocked boolean
			next_review          date
			passport_number      text`,
		theme: redSans(),
		body: []block{
			lines(font{size: 16, bold: true}, "Name screening - potential match"),
			rule(),
			columns(0.33, stack(above("Hit ID", "{hit_id|NS-40077-2}", "Screened on", "{screened_on|5 Feb 2026}")),
				stack(columns(0.5, stack(above("List", "{list_name|Consolidated Sanctions Register}", "Match score", "{match_score|81.5 %}")),
					stack(above("Decision", "{decision|Pending}", "Relationship blocked", "{relationship_blocked|Yes|true}"))))),
			columns(0.5,
				stack(boxed(lines(font{bold: true, accent: true}, "Customer"), above("Name", "{customer_name|Mikhal Orsen}", "Date of birth", "{customer_birth_date|14 Jun 1979}", "Nationality", "{customer_nationality|Maltese}"))),
				stack(boxed(lines(font{bold: true, accent: true}, "Listed person"), above("Name", "{listed_name|Michal ORSENN}", "Date of birth", "{listed_birth_date|2 Nov 1964}", "Country", "{listed_country|Belarus}")))),
			para(font{}, "The dates of birth differ by fifteen years. A copy of the passport has been requested."),
		},
	}
}

// A memo to the file: key facts in a small table, the story in sentences.
func alertMemo() document {
	return document{
		name: "alert-04-memo", kind: "alert", title: "Suspicious activity memo", style: nullable,
		locale: us("January 2, 2006", "01/02/2006"),
		fields: `
			case_number!          text    | Case number
			memo_date!            date    | Date of the memo
			prepared_by           text    | Prepared by
			subject_name          text    | Subject
			subject_occupation    text    | Occupation of the subject
			branch                text    | Branch
			account_number        text    | Account number
			activity_start        date    | Start of the suspicious activity
			activity_end          date    | End of the suspicious activity
			suspicious_amount     amount  | Total suspicious amount
			deposit_count         integer | Number of cash deposits
			currency              currency | Currency
			typology              enum(structuring,funnel_account,trade_based,elder_abuse) | Typology
			prior_reports         integer | Number of earlier reports on the subject
			law_enforcement_notified boolean | Law enforcement was notified
			recommended_action    text    | Recommended action
			filing_deadline       date    | Filing deadline`,
		theme: usSerif(),
		body: []block{
			lines(font{size: 15, bold: true, align: 'C'}, "MEMORANDUM TO FILE"),
			gap(8),
			tabbed(120, "Case number", "{case_number|SAM-26-0093}", "Date", "{memo_date|February 10, 2026}", "Prepared by", "{prepared_by|Cosima Underhay}",
				"Branch", "{branch|Riverside Plaza}", "Subject", "{subject_name|Dermot Pascoe}", "Account number", "{account_number|7702 118 490}"),
			rule(),
			para(font{}, "Between {activity_start|December 1, 2025} and {activity_end|January 30, 2026} the subject, a {subject_occupation|self-employed roofer}, made {deposit_count|23} cash deposits at four branches, each below $10,000, for a total of {suspicious_amount|{currency|$|USD}204,650.00}. On most days the account was emptied by wire within 48 hours."),
			para(font{}, "The pattern is consistent with {typology|structuring}. The subject has {prior_reports|two prior reports|2}. {law_enforcement_notified|Law enforcement has not been notified|false}."),
			colon("Recommended action:", "{recommended_action|File a report and close the account}", "Filing deadline:", "{filing_deadline|March 12, 2026}"),
		},
	}
}

// An account takeover alert: a grid of facts, a table of log-ins.
func alertTakeover() document {
	cols := []col{
		{head: "Time (UTC)", field: "time", share: 0.27},
		{head: "IP address", field: "ip", share: 0.2},
		{head: "Location", field: "location", share: 0.25},
		{head: "Device", field: "device", share: 0.28},
	}
	return document{
		name: "alert-05-takeover", kind: "alert", title: "Account takeover alert", style: nullable,
		locale: us("2006-01-02", "2006-01-02 15:04"),
		fields: `
			alert_number!        text    | Alert number
			severity             enum(info,low,medium,high,critical) | Severity
			user_id              text    | User ID
			user_email           email   | User's email
			account_opened       date    | Account opened
			password_changed     boolean | Password was changed
			phone_changed        boolean | Phone number was changed
			mfa_enabled          boolean | Multi-factor authentication is enabled
			loss_amount          amount  | Loss
			currency             currency | Currency
			logins[]/time        datetime | Time
			logins[]/ip          text    | IP address
			logins[]/location    text    | Location
			logins[]/device      text    | Device
			playbook_url         url     | Playbook
			assigned_team        text    | Assigned team
			closed_on            date    | Closed on`,
		theme: theme{family: "Helvetica", size: 9, accent: [3]int{30, 30, 60}, margin: 40},
		body: []block{
			banner("ACCOUNT TAKEOVER", "{severity|Critical}"),
			grid(4, "Alert number", "{alert_number|ATO-771604}", "User ID", "{user_id|u-20931177}", "Email", "{user_email|h.wren@letterbox.example}", "Account opened", "{account_opened|2019-08-02}",
				"Password changed", "{password_changed|Yes|true}", "Phone changed", "{phone_changed|Yes|true}", "MFA enabled", "{mfa_enabled|No|false}", "Loss", "{currency|USD} {loss_amount|3,110.45}"),
			heading("Recent log-ins"),
			table(look{zebra: true}, "logins", cols, [][]string{
				{"2026-01-27 22:04", "198.51.100.17", "Lisbon, PT", "Android 15, new device"},
				{"2026-01-27 22:09", "198.51.100.17", "Lisbon, PT", "Android 15, new device"},
				{"2026-01-20 07:55", "203.0.113.8", "Leeds, GB", "iPhone, known device"},
			}),
			tabbed(90, "Assigned team", "{assigned_team|Digital Fraud Night Desk}", "Playbook", "{playbook_url|https://wiki.bank.example/playbooks/ato}"),
		},
	}
}

// A structuring alert with forty transactions over two pages.
func alertStructuring() document {
	m := money{",", ".", "", ""}
	cols := []col{
		{head: "#", share: 0.06},
		{head: "Date", field: "date", share: 0.18},
		{head: "Type", field: "type", share: 0.26},
		{head: "Branch", field: "branch", share: 0.26},
		{head: "Amount USD", field: "amount", share: 0.24, align: 'R'},
	}
	branches := []string{"Elm Street", "Harbor Point", "Union Square", "Kingsley"}
	var rows [][]string
	sum := 0
	for i := range 40 {
		cents := 985000 - (i*i*3700)%310000
		sum += cents
		date := fmt.Sprintf("2026-01-%02d", 2+i*2/3)
		rows = append(rows, []string{fmt.Sprint(i + 1), date, []string{"Cash deposit", "ATM deposit"}[i%5/4], branches[(i*7)%4], m.of(cents)})
	}
	return document{
		name: "alert-06-structuring", kind: "alert", title: "StructuringAlert", style: pydantic,
		locale: us("2006-01-02"),
		fields: `
			alert_id!                text
			generated_on             date
			scenario                 text
			customer                 text
			account                  text
			threshold                amount | | Reporting threshold
			transactions[]/date      date
			transactions[]/type      text
			transactions[]/branch    text
			transactions[]/amount    amount
			transaction_count        integer
			total!                   amount | | Total of the transactions
			score                    integer
			escalated                boolean
			escalated_to             text`,
		theme:  theme{family: "Helvetica", size: 9.5, accent: [3]int{70, 20, 20}, margin: 44, letter: true},
		header: []block{lines(font{size: 8, gray: true}, "Alert {alert_id|STR-2026-00417}, continued"), gap(6)},
		body: []block{
			lines(font{size: 16, bold: true, accent: true}, "Structuring alert"),
			gap(4),
			columns(0.5,
				stack(colon("Alert ID:", "{alert_id|STR-2026-00417}", "Generated on:", "{generated_on|2026-02-01}", "Scenario:", "{scenario|Cash below threshold}", "Score:", "{score|912}")),
				stack(colon("Customer:", "{customer|Fennimore Auto Parts}", "Account:", "{account|004-88172-5}", "Threshold:", "USD {threshold|10,000.00}", "Escalated:", "{escalated|no|false}"))),
			table(look{bar: true, again: true, zebra: true}, "transactions", cols, rows),
			totals(220, "Number of transactions", "{transaction_count|40}", "Total", "{total|"+m.of(sum)+"}"),
		},
	}
}

// What a monitoring system writes into a log: upper-case keys with equals signs.
func alertKeyValueText() document {
	return document{
		name: "alert-07-key-value-text", kind: "alert", title: "CryptoAlert", style: plain,
		locale: us("2006-01-02T15:04:05Z", "2006-01-02"),
		fields: `
			alert_id!          text
			detected_at        datetime
			customer_ref       text
			asset              text     | | Ticker of the asset
			quantity           number   | | Quantity of the asset
			value_usd          amount   | | Value in US dollars
			wallet             text     | | Address of the wallet
			exposure_percent   number   | | Exposure to risky sources in percent
			risk_category      enum(mixer,darknet,sanctioned,scam,none)
			direction          enum(inbound,outbound)
			auto_frozen        boolean
			kyc_level          integer
			kyc_expires        date
			analyst_email      email
			travel_rule_id     text`,
		text: `
--- ALERT BEGIN ---
ALERT_ID={alert_id|CW-000918273}
DETECTED_AT={detected_at|2026-02-14T03:22:41Z}
CUSTOMER_REF={customer_ref|cust/118/44}
DIRECTION={direction|INBOUND}
ASSET={asset|ETH}
QUANTITY={quantity|41.275}
VALUE_USD={value_usd|109461.30}
WALLET={wallet|0x7f3a9c11e20b44d58e6601c2ab90f7745d1e8b3c}
RISK_CATEGORY={risk_category|MIXER}
EXPOSURE_PERCENT={exposure_percent|63.5}
{auto_frozen|AUTO_FROZEN=true|true}
KYC_LEVEL={kyc_level|2}
KYC_EXPIRES={kyc_expires|2027-06-30}
TRAVEL_RULE_ID=
ANALYST_EMAIL={analyst_email|night.desk@coinhaven.example}
--- ALERT END ---
`,
	}
}

// A wire transfer alert for a reviewer: a list with hyphens, originator and beneficiary as blocks.
func alertWireText() document {
	return document{
		name: "alert-08-wire-text", kind: "alert", title: "WireAlert", style: pydantic,
		locale: us("01/02/2006"),
		fields: `
			alert_number!            text
			wire_date                date
			alert_date               date
			amount!                  amount
			currency                 currency
			originator/name          text
			originator/account       text
			originator/country       text
			beneficiary/name         text
			beneficiary/iban         iban
			beneficiary/bank         text
			beneficiary/country      text
			purpose                  text
			red_flags[]              list
			first_time_beneficiary   boolean
			released                 boolean
			reviewer_phone           phone`,
		text: `
WIRE TRANSFER REVIEW

Alert number: {alert_number|WT-610088}
Alert date: {alert_date|02/05/2026}
Wire date: {wire_date|02/04/2026}
Amount: {currency|USD} {amount|486,000.00}
Purpose: {purpose|Purchase of marine engines}

ORIGINATOR
  Name: {originator/name|Calder Boatyard Inc.}
  Account: {originator/account|5510-220917}
  Country: {originator/country|United States}

BENEFICIARY
  Name: {beneficiary/name|Zephyr Maritime FZE}
  IBAN: {beneficiary/iban|AE07 0331 2345 6789 0123 456}
  Bank: {beneficiary/bank|Gulf Meridian Bank}
  Country: {beneficiary/country|United Arab Emirates}

RED FLAGS
  - {red_flags/+|Amount far above the customer's usual wires}
  - {red_flags/+|Beneficiary registered last month}
  - {red_flags/+|Invoice without a shipping date}

{first_time_beneficiary|First-time beneficiary: Y|true}
{released|Payment released: N|false}
`,
	}
}
