module github.com/stewardhq/steward/bench/compare/wire

go 1.26.6
