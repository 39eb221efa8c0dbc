"""The functions of layers and losses: `torch.nn.functional` is declared here."""
