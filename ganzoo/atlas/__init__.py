"""The atlas: training curves of healthy runs and of runs that were made to fail, to compare other runs with."""
