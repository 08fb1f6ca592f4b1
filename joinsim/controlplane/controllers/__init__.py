"""The controllers of the controller manager that a join meets."""

from joinsim.controlplane.controllers.bootstrap_signer import BootstrapSigner
from joinsim.controlplane.controllers.controller import Informer
from joinsim.controlplane.controllers.csr_approver import CsrApprover
from joinsim.controlplane.controllers.csr_cleaner import CsrCleaner
from joinsim.controlplane.controllers.csr_signer import CsrSigner
from joinsim.controlplane.controllers.token_cleaner import TokenCleaner

__all__ = ["BootstrapSigner", "CsrApprover", "CsrCleaner", "CsrSigner", "Informer", "TokenCleaner"]
