"""The form of the sites."""

from django import forms


class TransferForm(forms.Form):
    """No money moves: there is none."""

    recipient = forms.CharField(label="To", max_length=100)
    amount = forms.IntegerField(label="Amount", min_value=1, max_value=1_000_000)
