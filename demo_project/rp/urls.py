"""The pages of the sites."""

from django.urls import path

from demo_project.rp import views

app_name = "demo_rp"

urlpatterns = [
    path("", views.home, name="home"),
    path("profile/", views.profile, name="profile"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/end-others/", views.end_other_sessions, name="end-other-sessions"),
    path("sessions/<uuid:pk>/end/", views.end_session, name="end-session"),
    path("private/", views.private, name="private"),
    path("fresh/", views.fresh, name="fresh"),
    path("account/", views.account, name="account"),
    path("transfer/", views.transfer, name="transfer"),
    path("journal/", views.journal, name="journal"),
    path("journal/<int:pk>/", views.journal, name="journal"),
    path("style.css", views.stylesheet, name="stylesheet"),
    path("health/", views.health, name="health"),
]
