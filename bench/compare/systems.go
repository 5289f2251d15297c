package main

// system is one of those that are compared.
type system struct {
	name     string
	program  string // folder of its program
	postgres bool   // its server, or that of its library, is PostgreSQL
	server   string // role of its own server process; "" means that it has none but PostgreSQL
	worker   string // role of the process that does the steps
	variant  string // passed on to the program

	// Load is put on in the process that works where the system is a library, or a client in there is what its documentation advises.
	loadInWorker   bool
	submitInWorker bool // jobs that a kill interrupts are started there, too
	noKills        bool // for variants that differ in speed alone
}

// systems lists all in the order of the table.
func systems() []system {
	return []system{
		{name: "steward-sqlite", program: "steward", worker: "serve"},
		{name: "steward-postgres", program: "steward", worker: "serve", postgres: true},
		{name: "river", program: "river", worker: "work", postgres: true, loadInWorker: true},
		{name: "dbos", program: "dbos", worker: "work", postgres: true, loadInWorker: true, submitInWorker: true},
		{name: "temporal", program: "temporal", server: "serve", worker: "work", loadInWorker: true},
		{name: "temporal-local", program: "temporal", server: "serve", worker: "work", loadInWorker: true, variant: "local", noKills: true},
		{name: "restate", program: "restate", server: "serve", worker: "work"},
	}
}
