"""The Go1 that adapts: training, film, the page docs/adaptation.md."""
