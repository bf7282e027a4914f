"""Images and labels to train on: So2Sat LCZ42, scenes, folders; nothing here needs torch to be imported."""
