package main

// set is a folder of the output, relative to the corpus.
type set struct {
	dir       string
	documents []document
	files     func() ([]file, error) // further files; nil for none
}

// sets lists everything that is generated.
func sets() []set {
	return []set{
		{dir: ".", documents: corpus()},
		{dir: "../corpus-heldout", documents: heldout()},
		{dir: "../corpus-heldout-world", documents: heldoutWorld()},
		{dir: "../../examples/invoice", files: demo},
		{dir: "../pdf", files: specials},
	}
}

// corpus lists the measured documents that a reader may be built with.
func corpus() []document {
	var all []document
	all = append(all, invoices()...)
	all = append(all, receipts()...)
	all = append(all, resumes()...)
	all = append(all, listings()...)
	all = append(all, alerts()...)
	all = append(all, contracts()...)
	all = append(all, worldly()...)
	return all
}

// heldout lists the documents that were kept from the builders of a reader: other layouts, labels and companies.
func heldout() []document {
	var all []document
	all = append(all, heldoutInvoices()...)
	all = append(all, heldoutReceipts()...)
	all = append(all, heldoutResumes()...)
	all = append(all, heldoutListings()...)
	all = append(all, heldoutAlerts()...)
	all = append(all, heldoutContracts()...)
	return all
}
