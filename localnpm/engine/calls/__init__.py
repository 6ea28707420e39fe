"""How models write tool calls: notations.py and its neighbours read them, forms.py names what each family writes."""
