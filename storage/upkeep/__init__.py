"""Jobs as people and the passing of time see them: asking, doing again, purging, ending what is stranded."""
