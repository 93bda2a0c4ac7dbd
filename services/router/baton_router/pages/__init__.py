"""The pages that people look at: leads as they come, and one lead with the reason why it went where it went."""
